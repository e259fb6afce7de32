"""What people call devices that have a profile: for hints, never accepted as a name.

Names are written without capitals and separators, as `errors.meant_names` compares them.
"""

from __future__ import annotations

from collections.abc import Mapping

OTHER_DEVICES: Mapping[str, str] = {
    "rpi": "raspberry_pi_4",
    "rpi3": "raspberry_pi_3b_plus",
    "rpi4": "raspberry_pi_4",
    "rpi4b": "raspberry_pi_4",
    "rpi5": "raspberry_pi_5",
    "rpizero": "raspberry_pi_zero",
    "raspi": "raspberry_pi_4",
    "raspi4": "raspberry_pi_4",
    "raspi5": "raspberry_pi_5",
    "pi3": "raspberry_pi_3b_plus",
    "pi4": "raspberry_pi_4",
    "pi5": "raspberry_pi_5",
    "pixel": "pixel_1",
    "note10": "galaxy_note10",
    "s23": "galaxy_s23",
    "iphone": "iphone_13",
    "m1": "apple_m1",
    "m2": "apple_m2",
    "m3": "apple_m3",
    "sd810": "snapdragon_810",
    "sd835": "snapdragon_835",
    "sd845": "snapdragon_845",
    "sd855": "snapdragon_855_plus",
    "sd8gen2": "snapdragon_8_gen_2",
    "jetson": "jetson_nano",
    "orin": "jetson_agx_orin",
    "orinnano": "jetson_orin_nano",
    "tx2": "jetson_tx2",
    "xavier": "jetson_xavier_nx",
    "coral": "coral_usb",
    "edgetpu": "coral_usb",
    "hailo": "hailo_8",
    "ncs2": "myriad_x",
    "tpu": "tpu_v4",
    "3090": "rtx_3090",
    "4090": "rtx_4090",
    "esp32": "esp32_s3",
    "pico": "rp2040",
    "raspberrypipico": "rp2040",
    "stm32f7": "stm32f746",
    "stm32h7": "stm32h743",
    "stm32l4": "stm32l4r5",
    "stm32u5": "stm32u575",
}
