"""`python benchmarks/accuracy profiles`: makes the fitted profiles of `specs/devices` anew.

One `mnet-cost calibrate` command makes each profile, and the profile states that command. A fit
uses measurements of one runtime and date; a device that was measured with several runtimes has a
profile for each.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.cli import main
from mnet_cost.shipped import specs_folder

_MEASUREMENTS = "benchmarks/accuracy/measurements"
_DEVICES = "specs/devices"


class FittedProfile(NamedTuple):
    """A profile and the options of the command that makes it."""

    name: str
    title: str
    files: tuple[str, ...]
    where: tuple[str, ...]
    device: str | None = None
    """The profile that it extends, if any; None with `into`."""
    tile: int | None = None
    device_class: str | None = None
    into: bool = False
    """Whether the command writes the fit into an existing profile of that name."""


def _ncnn(
    name: str, title: str, device: str | None, measured: str, tile: int,
    device_class: str | None = None,
) -> FittedProfile:  # fmt: skip
    where = (f"device={measured}", "threads=1")
    return FittedProfile(
        name, f"{title}, ncnn", ("ncnn_cpu.csv",), where, device, tile, device_class
    )


def _v4(name: str, where: tuple[str, ...]) -> FittedProfile:
    return FittedProfile(name, "", ("mobilenet_v4_table6.csv",), where, into=True)


def _qnn(name: str, title: str, device_class: str) -> FittedProfile:
    """One of the runtimes that call this compiler: the one that all boards were measured with."""
    where = (f"device={name}", "runtime=qnn")
    return FittedProfile(
        name, f"{title}, QNN of 2026", ("snapdragon_npu.csv",), where, device_class=device_class
    )


def _openvino(name: str, title: str, device_class: str) -> FittedProfile:
    where = (f"device={name}_cpu", "precision=int8")
    return FittedProfile(
        f"{name}_openvino", f"Intel {title} cores, OpenVINO of 2024", ("openvino.csv",), where,
        device_class=device_class,
    )  # fmt: skip


def _edge(
    name: str, title: str, where: tuple[str, ...], device: str | None = None,
    device_class: str | None = None,
) -> FittedProfile:  # fmt: skip
    return FittedProfile(
        name, title, ("edge_accelerators.csv",), where, device, device_class=device_class
    )


PROFILES = (
    FittedProfile(
        "pixel_1_tflite", "Google Pixel 1, one Kryo core, TensorFlow Lite of 2018",
        ("pixel1_mobilenet_v2.csv", "pixel1_mnasnet.csv"), (), "pixel_1",
    ),
    FittedProfile(
        "pixel_1_xnnpack", "Google Pixel 1, one Kryo core, XNNPACK of 2020", ("xnnpack.csv",),
        ("device=pixel_1", "threads=1"), "pixel_1",
    ),
    FittedProfile(
        "pixel_2_xnnpack", "Google Pixel 2, one Kryo 280 core, XNNPACK of 2020", ("xnnpack.csv",),
        ("device=pixel_2", "threads=1"), "pixel_2",
    ),
    FittedProfile(
        "pixel_3_tflite", "Google Pixel 3, one Kryo 385 core, TensorFlow Lite of 2019",
        ("pixel_mobilenet_v3.csv",), ("device=pixel_3",), "pixel_3",
    ),
    FittedProfile(
        "pixel_3_tflite_4_threads", "Google Pixel 3, four Kryo 385 cores, TensorFlow Lite",
        ("pixel3_hosted.csv",), ("runtime=tflite",), "snapdragon_845",
    ),
    FittedProfile(
        "pixel_3_tflite_gpu", "Google Pixel 3, Adreno 630 GPU, TensorFlow Lite",
        ("pixel3_hosted.csv",), ("runtime=tflite-gpu",), device_class="phone",
    ),
    FittedProfile(
        "galaxy_note10_tflite", "Samsung Galaxy Note10, TensorFlow Lite, by single blocks",
        ("ofa_note10_blocks.csv",), (), "galaxy_note10",
    ),
    _v4("pixel_6", ("device=pixel_6",)),
    _v4("galaxy_s23", ("device=galaxy_s23", "runtime=tflite-xnnpack")),
    _v4("galaxy_s23_adreno", ("device=galaxy_s23", "runtime=tflite-gpu")),
    _v4("pixel_8_edgetpu", ("device=pixel_8",)),
    _v4("pixel_4_hexagon", ("device=pixel_4",)),
    FittedProfile(
        "pixel_4_edgetpu", "", ("pixel4_efficientnet_lite.csv",), ("runtime=tflite-edgetpu",),
        into=True,
    ),
    FittedProfile(
        "pixel_4_tflite_4_threads", "Google Pixel 4, four threads, TensorFlow Lite of 2020",
        ("pixel4_efficientnet_lite.csv",), ("runtime=tflite",), "pixel_4",
    ),
    _v4("pixel_7_mali", ("device=pixel_7",)),
    _v4("iphone_13_ane", ("device=iphone_13",)),
    FittedProfile(
        "raspberry_pi_4_xnnpack", "Raspberry Pi 4, four Cortex-A72 cores, XNNPACK of 2022",
        ("xnnpack.csv",), ("device=raspberry_pi_4", "run=boards_2022_arm64"), "raspberry_pi_4",
    ),
    FittedProfile(
        "raspberry_pi_3b_plus_xnnpack", "Raspberry Pi 3B+, four Cortex-A53 cores, XNNPACK of 2022",
        ("xnnpack.csv",), ("device=raspberry_pi_3b_plus", "run=boards_2022"),
        "raspberry_pi_3b_plus",
    ),
    FittedProfile(
        "raspberry_pi_zero_xnnpack", "Raspberry Pi Zero W, XNNPACK of 2022", ("xnnpack.csv",),
        ("device=raspberry_pi_zero_w",), "raspberry_pi_zero",
    ),
    FittedProfile(
        "i9_10940x_torch", "Intel Core i9-10940X, torch.compile of PyTorch 2.4",
        ("timm_i9.csv",), ("run=pt240",), "i9_10940x",
    ),
    FittedProfile(
        "stm32h7a3_cube_ai", "STM32H7A3, one Cortex-M7 at 280 MHz, X-CUBE-AI 8",
        ("mlperf_tiny.csv",), ("run=Krai/NUCLEO-H7A3ZI-Q_X-CUBE-AI-8.0",), "stm32h7a3",
    ),
    FittedProfile(
        "stm32l4r5_cube_ai", "STM32L4R5, one Cortex-M4 at 120 MHz, X-CUBE-AI 8",
        ("mlperf_tiny.csv",), ("run=Krai/NUCLEO-L4R5ZI_X-CUBE-AI-8.0",), "stm32l4r5",
    ),
    FittedProfile(
        "stm32l4r5_tflm", "STM32L4R5, one Cortex-M4 at 120 MHz, TensorFlow Lite Micro",
        ("mlperf_tiny.csv",), ("run=reference/Nucleo-L4R5ZI",), "stm32l4r5",
    ),
    FittedProfile(
        "stm32h747_cube_ai", "STM32H747, its Cortex-M7 at 400 MHz, X-CUBE-AI 9",
        ("microcontrollers.csv",), ("device=stm32h747i_disco", "run=9.1.0"), "stm32h747",
    ),
    FittedProfile(
        "stm32h743_tinyengine", "STM32H743, one Cortex-M7 at 480 MHz, TinyEngine",
        ("microcontrollers.csv",), ("device=stm32h743", "runtime=tinyengine"), "stm32h743",
    ),
    _ncnn("raspberry_pi_3b_plus_ncnn", "Raspberry Pi 3B+, one Cortex-A53 core",
          "raspberry_pi_3b_plus", "raspberry_pi_3b_plus", 4),
    _ncnn("raspberry_pi_4_ncnn", "Raspberry Pi 4, one Cortex-A72 core", "raspberry_pi_4",
          "raspberry_pi_4", 4),
    _ncnn("raspberry_pi_5_ncnn", "Raspberry Pi 5, one Cortex-A76 core", "raspberry_pi_5",
          "raspberry_pi_5", 8),
    _ncnn("jetson_nano_ncnn", "NVIDIA Jetson Nano, one Cortex-A57 core", "jetson_nano_cpu",
          "jetson_nano", 4),
    _ncnn("jetson_agx_orin_ncnn", "NVIDIA Jetson AGX Orin, one Cortex-A78AE core",
          "jetson_agx_orin_cpu", "jetson_agx_orin", 8),
    _ncnn("rk3399_ncnn", "Rockchip RK3399, one Cortex-A72 core", "rk3399", "rk3399_big", 4),
    _ncnn("rk3588_ncnn", "Rockchip RK3588, one Cortex-A76 core", "rk3588", "station_m3", 8),
    _ncnn("snapdragon_835_ncnn", "Snapdragon 835, one Kryo 280 core", "snapdragon_835",
          "snapdragon_835_big", 4),
    _ncnn("snapdragon_855_plus_ncnn", "Snapdragon 855+, its Kryo 485 Prime core",
          "snapdragon_855_plus", "snapdragon_855_plus_big", 8),
    _ncnn("apple_m1_ncnn", "Apple M1, one Firestorm core", "apple_m1", "macbook_pro_m1", 8),
    _ncnn("ryzen_5700g_ncnn", "AMD Ryzen 7 5700G, one Zen 3 core", "ryzen_5700g",
          "ryzen_5700g", 8),
    _ncnn("epyc_7742_ncnn", "AMD EPYC 7742, one Zen 2 core", "epyc_7742", "epyc_7742", 8),
    _qnn("galaxy_s22_npu", "Samsung Galaxy S22, Hexagon v69 of the Snapdragon 8 Gen 1", "phone"),
    _qnn("galaxy_s25_npu", "Samsung Galaxy S25, Hexagon v79 of the Snapdragon 8 Elite", "phone"),
    _qnn("qcs8550_proxy_npu", "Qualcomm QCS8550, Hexagon v73 of the Snapdragon 8 Gen 2's kind",
         "board"),
    _qnn("iq_9075_evk_npu", "Qualcomm Dragonwing IQ-9075 EVK, Hexagon v73", "board"),
    _qnn("q_6690_mtp_npu", "Qualcomm Dragonwing Q-6690, Hexagon v73", "board"),
    _qnn("rb3_gen_2_npu", "Qualcomm RB3 Gen 2 of the QCS6490, Hexagon v68", "board"),
    _qnn("sa8775p_adp_npu", "Qualcomm SA8775P ADP, Hexagon v73", "board"),
    _qnn("x_elite_crd_npu", "Qualcomm Snapdragon X Elite, Hexagon v73", "laptop"),
    _openvino("atom_x6425e", "Atom x6425E, four", "board"),
    _openvino("atom_x7425e", "Atom x7425E, four", "board"),
    _openvino("core_i5_10500te", "Core i5-10500TE, six", "board"),
    _openvino("core_i5_13600k", "Core i5-13600K, 14", "laptop"),
    _openvino("core_i7_12700h", "Core i7-12700H, 14", "laptop"),
    _openvino("core_i7_1360p", "Core i7-1360P, 12", "laptop"),
    _openvino("core_i9_10900te", "Core i9-10900TE, ten", "board"),
    _openvino("core_i9_13900k", "Core i9-13900K, 24", "laptop"),
    _openvino("xeon_w1290p", "Xeon W-1290P, ten", "server"),
    _edge("coral_usb_tflite", "Coral USB Accelerator, Edge TPU, TensorFlow Lite of 2019",
          ("device=coral_usb",), "coral_usb"),
    _edge("jetson_nano_tensorrt", "NVIDIA Jetson Nano, Maxwell GPU, TensorRT called from Python",
          ("device=jetson_nano", "runtime=tensorrt", "run=torch2trt"), "jetson_nano"),
    _edge("jetson_tx2_tensorrt", "NVIDIA Jetson TX2, Pascal GPU, TensorRT of 2018 with copies",
          ("device=jetson_tx2", "runtime=tensorrt"), "jetson_tx2"),
)  # fmt: skip
"""The shipped profiles that are fitted to published measurements."""


def arguments(profile: FittedProfile) -> list[str]:
    """Arguments of the command that makes a profile; run it in the root of the repository."""
    words = ["calibrate"]
    for file in profile.files:
        words += ["--from", f"{_MEASUREMENTS}/{file}"]
    for condition in profile.where:
        words += ["--where", condition]
    for option, value in (
        ("--device", profile.device), ("--tile", profile.tile), ("--class", profile.device_class),
    ):  # fmt: skip
        words += [] if value is None else [option, str(value)]
    words += ["--basis", "fitted"]
    path = f"{_DEVICES}/{profile.name}.yaml"
    if profile.into:
        return [*words, "--into", path]
    return [*words, "--title", profile.title, "-o", path]


def make_all(names: Sequence[str] = ()) -> None:
    """Make the profiles of these names, all without one, in the root of the repository."""
    os.chdir(specs_folder().parent)
    for profile in PROFILES:
        if names and profile.name not in names:
            continue
        print(f"== {profile.name}")
        if main(arguments(profile)):
            raise SystemExit(f"{profile.name} could not be made")
