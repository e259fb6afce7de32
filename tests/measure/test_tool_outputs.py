"""Outputs of other tools: which is which, units, and what stands for the time of a network.

The samples are written here, in the forms that the tools print.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.errors import MeasurementError
from mnet_cost.measure.tools import reading
from mnet_cost.measure.tools.base import ToolRun
from mnet_cost.measure.tools.reading import read_tool_output, read_tool_runs, run_of

BENCHMARK_MODEL = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/net.tflite]
INFO: Enable op profiling: [1]
INFO: #threads used for CPU inference: [4]
INFO: Loaded model /data/local/tmp/net.tflite
INFO: Initialized session in 0.855ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=15 first=9060 curr=3682 min=2825 max=9060 avg=3825.1 std=930

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=50 first=3191 curr=3178 min=3050 max=3505 avg=3209.4 std=45

INFO: Inference timings in us: Init: 855, First inference: 9060, Warmup (avg): 3825.1, Inference (avg): 3209.4
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE
INFO: Memory footprint delta from the start of the tool (MB): init=8.9 overall=18.7
"""  # noqa: E501
PROFILE = """\
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t         AllocateTensors\t    0.153\t    0.153\t100.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0

Number of nodes executed: 1
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    2.011\t    2.000\t 62.500%\t 62.500%\t     0.000\t        1\t[net/relu;net/conv 2]:0
\t                     ADD\t    0.301\t    0.150\t  9.375%\t 71.875%\t     0.000\t        2\t[net/sum, net/other]:1
\tConvolution (NHWC, F32) IGEMM\t    0.901\t    0.900\t 28.125%\t100.000%\t     0.000\t        1\tDelegate/Convolution (NHWC, F32) IGEMM:2

============================== Top by Computation Time ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    2.011\t    2.000\t 62.500%\t 62.500%\t     0.000\t        1\t[net/relu;net/conv 2]:0

Number of nodes executed: 3
Timings (microseconds): count=50 first=3300 curr=3209 min=3150 max=3505 avg=3250.5 std=45
"""  # noqa: E501
CSV_PROFILE = """\
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 2.011, 2, 62.5%, 62.5%, 0, 1, [net/relu]:0
Convolution (NHWC, F32) DWConv, 0.9, 1.2, 37.5%, 100%, 0, 1, [a, b]:1

============================== Top by Computation Time ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 2.011, 2, 62.5%, 62.5%, 0, 1, [net/relu]:0
"""
TRTEXEC = """\
&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=net.onnx --fp16
[08/21/2023-14:59:10] [I] === Model Options ===
[08/21/2023-14:59:10] [I] Format: ONNX
[08/21/2023-14:59:10] [I] Model: net.onnx
[08/21/2023-14:59:10] [I] Precision: FP32+FP16
[08/21/2023-14:59:10] [I] TensorRT version: 8.6.1
[08/21/2023-14:59:30] [I] Input binding for image with dimensions 4x3x224x224 is created.
[08/21/2023-14:59:38] [I] Timing trace has 11150 queries over 3.0 s
[08/21/2023-14:59:38] [I] === Performance summary ===
[08/21/2023-14:59:38] [I] Throughput: 3716.81 qps
[08/21/2023-14:59:38] [I] Latency: min = 0.17041 ms, max = 0.243042 ms, mean = 0.184305 ms, median = 0.179932 ms, percentile(99%) = 0.197 ms
[08/21/2023-14:59:38] [I] Enqueue Time: min = 0.03 ms, max = 0.4 ms, mean = 0.05 ms, median = 0.04 ms, percentile(99%) = 0.1 ms
[08/21/2023-14:59:38] [I] H2D Latency: min = 0.02 ms, max = 0.03 ms, mean = 0.025 ms, median = 0.025 ms, percentile(99%) = 0.03 ms
[08/21/2023-14:59:38] [I] GPU Compute Time: min = 0.14 ms, max = 0.2 ms, mean = 0.151 ms, median = 0.15 ms, percentile(99%) = 0.16 ms
[08/21/2023-14:59:38] [I] Total Host Walltime: 3.0 s
[08/21/2023-14:59:38] [I] Total GPU Compute Time: 1.68 s
[08/21/2023-14:59:40] [I] === Profile (1000 iterations ) ===
[08/21/2023-14:59:40] [I]    Time(ms)     Avg.(ms)   Median(ms)   Time(%)   Layer
[08/21/2023-14:59:40] [I]       20.00       0.0200       0.0190      13.3   Reformatting CopyNode for Input Tensor 0 to conv_1 + relu_1
[08/21/2023-14:59:40] [I]       90.00       0.0900       0.0890      60.0   conv_1 + relu_1
[08/21/2023-14:59:40] [I]       30.00       0.0300       0.0290      20.0   PWN(PWN(sigmoid_2), mul_2)
[08/21/2023-14:59:40] [I]       10.00       0.0100       0.0100       6.7   {ForeignNode[a...b]}
[08/21/2023-14:59:40] [I]      150.00       0.1500       0.1470     100.0   Total
"""  # noqa: E501
TRTEXEC_7 = """\
&&&& RUNNING TensorRT.trtexec # trtexec --onnx=net.onnx
[01/02/2021-10:00:00] [I] Host Latency
[01/02/2021-10:00:00] [I] min: 1.52 ms (end to end 2.9 ms)
[01/02/2021-10:00:00] [I] max: 2.1 ms (end to end 3.4 ms)
[01/02/2021-10:00:00] [I] mean: 1.6 ms (end to end 3.0 ms)
[01/02/2021-10:00:00] [I] median: 1.58 ms (end to end 3.0 ms)
[01/02/2021-10:00:00] [I] throughput: 640.1 qps
[01/02/2021-10:00:00] [I] Enqueue Time
[01/02/2021-10:00:00] [I] median: 0.2 ms
[01/02/2021-10:00:00] [I] GPU Compute
[01/02/2021-10:00:00] [I] min: 1.4 ms
[01/02/2021-10:00:00] [I] mean: 1.47 ms
[01/02/2021-10:00:00] [I] median: 1.45 ms
[01/02/2021-10:00:00] [I] total compute time: 2.9 s
"""
TRTEXEC_7_PROFILE = """\
[I] === Profile (10 iterations ) ===
[I]                Layer   Time (ms)   Avg. Time (ms)   Time %
[I]      conv_1 + relu_1       15.00           1.5000     75.0
[I]            pool 2x2        5.00           0.5000     25.0
[I]                Total       20.00           2.0000    100.0
"""
PERF_TEST = """\
Setting intra_op_num_threads to 2
Session creation time cost: 0.217932 s
First inference time cost: 196 ms
Total inference time cost: 0.49481 s
Total inference requests: 5
Average inference time cost total: 98.961997 ms
Total inference run time: 0.494854 s
Number of inferences per second: 10.104
Avg CPU usage: 11 %
Peak working set size: 271122432 bytes
Min Latency: 0.0958204 s
Max Latency: 0.101519 s
P50 Latency: 0.0985086 s
P90 Latency: 0.101519 s
"""
PERF_TEST_OLD = """\
Total time cost:58.8053
Total iterations:1000
Average time cost:58.8053 ms
"""
BENCHNCNN = """\
loop_count = 8
num_threads = 2
powersave = 2
gpu_device = -1
cooling_down = 1
          squeezenet  min =   52.38  max =   53.00  avg =   52.62
     squeezenet_int8  min =   46.28  max =   46.66  avg =   46.42
        mobilenet_v2  min =   61.11  max =   62.00  avg =   61.50
"""
RUNNER = """\
I 00:00:00.001 executorch:executor_runner.cpp:262] Resetting threadpool with num threads = 4
I 00:00:00.002 executorch:executor_runner.cpp:133] Model file net.pte is loaded.
I 00:00:00.300 executorch:executor_runner.cpp:460] Iteration 1 of 3: 9.500000 ms
I 00:00:00.310 executorch:executor_runner.cpp:460] Iteration 2 of 3: 5.100000 ms
I 00:00:00.320 executorch:executor_runner.cpp:460] Iteration 3 of 3: 5.000000 ms
I 00:00:00.321 executorch:executor_runner.cpp:470] Model executed successfully 3 time(s) in 19.600000 ms.
"""  # noqa: E501
QNN_RUNNER = (
    "I 00:00:01.8 executorch:qnn_executor_runner.cpp:298] 100 inference took 1096.626000 ms, "
    "avg 10.966260 ms\n"
)
COLUMNS = (
    "", "event_block_name", "event_name", "p10 (ms)", "p50 (ms)", "p90 (ms)", "avg (ms)",
    "min (ms)", "max (ms)", "op_types", "is_delegated_op", "delegate_backend_name",
)  # fmt: skip
EVENTS = (
    ("Default", "Method::init", 28.0, "[]", "False"),
    ("Execute", "native_call_convolution.out", 3.0, "['aten.convolution.default']", "False"),
    ("Execute", "Softmax #1", 1.5, "['aten.softmax.int', 'aten.add.Tensor']", "True"),
    ("Execute", "DELEGATE_CALL", 1.6, "[]", "False"),
    ("Execute", "Method::execute", 5.0, "[]", "False"),
)


def about(expected: Any) -> Any:
    """`pytest.approx`, of any type."""
    return pytest.approx(expected)


def inspector(separator: str, scale: float = 1.0) -> str:
    rows = ["\t".join(COLUMNS)]
    for number, (block, name, time, operators, delegated) in enumerate(EVENTS):
        factor = scale if delegated == "True" else 1.0
        times = [f"{time * factor * share:g}" for share in (0.9, 1, 1.1, 1.02, 0.8, 1.3)]
        rows.append("\t".join((str(number), block, name, *times, operators, delegated, "")))
    text = "\n".join(rows) + "\n"
    if separator == "\t":
        return text
    lines = [f"│ {' │ '.join(row.split(chr(9)))} │" for row in rows]
    rule = f"├{'─' * 40}┤"
    return f"╒{'═' * 40}╕\n" + f"\n{rule}\n".join(lines) + f"\n╘{'═' * 40}╛\n"


def written(folder: Path, text: str | bytes, name: str = "log.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_benchmark_model_times_are_microseconds_of_the_regular_runs(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, BENCHMARK_MODEL))
    assert (run.tool, run.runtime, run.threads) == ("benchmark_model", "tflite", 4)
    assert run.network == "/data/local/tmp/net.tflite"
    assert run.times is not None
    assert run.times.statistic == "mean"
    assert run.times.value_s == about(3209.4e-6)
    assert run.times.fastest_s == about(3050e-6)
    assert run.times.runs == 50
    assert run.profile is None
    assert run.span.line == 15


def test_logs_of_two_networks_in_one_file_are_refused(tmp_path: Path) -> None:
    """The name was that of the last, and the time that of the first."""
    other = BENCHMARK_MODEL.replace("net.tflite", "other.tflite").replace("3209", "9876")
    with pytest.raises(MeasurementError, match=r"other\.tflite` begins here, behind"):
        read_tool_output(written(tmp_path, BENCHMARK_MODEL + other))
    with pytest.raises(MeasurementError, match="a second run ends here"):
        read_tool_output(written(tmp_path, 2 * TRTEXEC))


def test_benchmark_model_gives_the_median_where_it_prints_one(tmp_path: Path) -> None:
    text = BENCHMARK_MODEL.replace("std=45", "std=45 p5=3060 median=3188 p95=3400")
    run = read_tool_output(written(tmp_path, text))
    assert run.times is not None
    assert (run.times.statistic, run.times.value_s) == ("median", about(3188e-6))


def test_old_logs_have_counts_alone(tmp_path: Path) -> None:
    lines = [line.removeprefix("INFO: ") for line in BENCHMARK_MODEL.splitlines()]
    text = "\n".join(line for line in lines if "timings" not in line)
    run = read_tool_output(written(tmp_path, text))
    assert run.times is not None
    assert run.times.value_s == about(3209.4e-6)


def test_logs_of_a_phone_have_a_prefix_and_may_be_of_a_gpu(tmp_path: Path) -> None:
    text = BENCHMARK_MODEL.replace("INFO: ", "05-31 10:31:13.022 21767 21767 I tflite  : ")
    text = text.replace("Enable op profiling", "Use gpu")
    run = read_tool_output(written(tmp_path, text))
    assert (run.runtime, run.precision) == ("tflite-gpu", "fp16")
    assert "fp16" in run.notes[0]


def test_operators_are_milliseconds_of_the_regular_runs_in_their_order(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, BENCHMARK_MODEL + PROFILE))
    assert run.profile is not None
    assert [kernel.operator for kernel in run.profile.kernels] == [
        "CONV_2D", "ADD", "Convolution (NHWC, F32) IGEMM",
    ]  # fmt: skip
    # An operator that is called twice in an inference takes its mean twice.
    assert [kernel.seconds for kernel in run.profile.kernels] == about([2e-3, 0.3e-3, 0.9e-3])
    assert run.profile.kernels[0].nodes == ("net/relu;net/conv 2",)
    assert run.profile.kernels[1].nodes == ("net/sum", "net/other")
    assert run.profile.kernels[2].nodes == ()
    assert run.profile.runs == 50
    assert run.times is not None
    assert run.times.value_s == about(3209.4e-6)


def test_a_csv_of_operators_has_no_time_of_an_inference(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, CSV_PROFILE))
    assert run.times is None
    assert run.profile is not None
    kernels = run.profile.kernels
    assert [kernel.operator for kernel in kernels] == ["CONV_2D", "Convolution (NHWC, F32) DWConv"]
    assert [kernel.seconds for kernel in kernels] == about([2e-3, 1.2e-3])
    assert kernels[1].nodes == ("a", "b")


def test_operators_that_take_more_than_the_run_are_not_used(tmp_path: Path) -> None:
    text = BENCHMARK_MODEL + PROFILE.replace("    2.000\t", "   20.000\t")
    run = read_tool_output(written(tmp_path, text))
    assert run.profile is None
    assert "together they are 21.2 ms, and an inference takes 3.209 ms" in run.notes[0]


def test_trtexec_compute_time_is_apart_from_latency_and_throughput(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, TRTEXEC))
    assert (run.tool, run.runtime, run.runtime_version) == ("trtexec", "tensorrt", "8.6.1")
    assert run.quantity == "GPU compute time"
    assert run.times is not None
    assert (run.times.statistic, run.times.value_s) == ("median", about(0.15e-3))
    assert run.times.mean_s == about(0.151e-3)
    assert run.times.runs == 11150
    assert list(run.others) == ["latency with transfers"]
    assert run.others["latency with transfers"].value_s == about(0.179932e-3)
    assert (run.network, run.batch, run.precision) == ("net.onnx", 4, "fp16")
    assert run.notes == ("the engine may use fp32 and fp16: TensorRT chooses for each layer",)


def test_trtexec_layers_lead_to_the_nodes_that_were_joined(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, TRTEXEC))
    assert run.profile is not None
    kernels = run.profile.kernels
    assert [kernel.nodes for kernel in kernels] == [
        ("conv_1", "relu_1"), ("conv_1", "relu_1"), ("sigmoid_2", "mul_2"), (),
    ]  # fmt: skip
    assert [kernel.is_layout for kernel in kernels] == [True, False, False, False]
    assert [kernel.seconds for kernel in kernels] == about([0.019e-3, 0.089e-3, 0.029e-3, 0.01e-3])
    assert run.profile.runs == 1000


def test_trtexec_7_has_a_line_for_each_figure(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, TRTEXEC_7 + TRTEXEC_7_PROFILE))
    assert run.times is not None
    assert run.times.value_s == about(1.45e-3)
    assert run.others["latency with transfers"].value_s == about(1.58e-3)
    assert run.profile is None  # 2 ms of layers in 1.47 ms
    alone = read_tool_output(written(tmp_path, TRTEXEC_7_PROFILE))
    assert alone.profile is not None
    assert [(kernel.name, kernel.seconds) for kernel in alone.profile.kernels] == [
        ("conv_1 + relu_1", about(1.5e-3)), ("pool 2x2", about(0.5e-3)),
    ]  # fmt: skip


def test_trtexec_json_of_runs(tmp_path: Path) -> None:
    rows = [{"computeMs": c, "latencyMs": c + 0.5, "endToEndMs": 9} for c in (1.0, 3.0, 2.0)]
    run = read_tool_output(written(tmp_path, json.dumps(rows, indent=1)))
    assert run.times is not None
    assert (run.times.value_s, run.times.fastest_s) == (about(2e-3), about(1e-3))
    assert run.others["latency with transfers"].value_s == about(2.5e-3)


def test_trtexec_json_of_layers(tmp_path: Path) -> None:
    rows = [
        {"count": 7},
        {"name": "conv_1 + relu_1", "timeMs": 7.0, "averageMs": 1.0, "percentage": 50.0},
        {"name": "fc", "timeMs": 7.0, "averageMs": 1.0, "medianMs": 0.9, "percentage": 50.0},
    ]
    run = read_tool_output(written(tmp_path, json.dumps(rows)))
    assert run.times is None
    assert run.profile is not None
    assert run.profile.runs == 7
    assert [kernel.seconds for kernel in run.profile.kernels] == about([1e-3, 0.9e-3])


def test_perf_test_averages_are_milliseconds_and_percentiles_seconds(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, PERF_TEST))
    assert (run.runtime, run.threads) == ("onnxruntime", 2)
    assert run.times is not None
    assert (run.times.statistic, run.times.value_s) == ("median", about(98.5086e-3))
    assert run.times.mean_s == about(98.961997e-3)
    assert run.times.fastest_s == about(95.8204e-3)
    assert (run.times.runs, run.notes) == (5, ())
    old = read_tool_output(written(tmp_path, PERF_TEST_OLD))
    assert old.times is not None
    assert (old.times.statistic, old.times.value_s) == ("mean", about(58.8053e-3))


def test_perf_test_with_runs_at_once_says_so(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, PERF_TEST.replace("time: 0.494854", "time: 0.13")))
    assert "several inferences ran at once" in run.notes[0]


def test_benchncnn_has_a_run_for_each_network(tmp_path: Path) -> None:
    path = written(tmp_path, BENCHNCNN)
    runs = read_tool_runs(path)
    assert runs is not None
    assert [run.network for run in runs] == ["squeezenet", "squeezenet_int8", "mobilenet_v2"]
    run = read_tool_output(path, "squeezenet_int8")
    assert (run.runtime, run.threads, run.precision) == ("ncnn", 2, "int8")
    assert run.times is not None
    assert (run.times.statistic, run.times.value_s) == ("mean", about(46.42e-3))
    with pytest.raises(MeasurementError, match="this is of 3 networks"):
        read_tool_output(path)
    with pytest.raises(MeasurementError, match="did you mean `squeezenet`"):
        run_of(runs, "squeezenett")


def test_executor_runner(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, RUNNER))
    assert (run.runtime, run.network, run.threads) == ("executorch", "net.pte", 4)
    assert run.times is not None
    assert (run.times.statistic, run.times.value_s) == ("median", about(5.1e-3))
    qnn = read_tool_output(written(tmp_path, QNN_RUNNER))
    assert qnn.times is not None
    assert (qnn.times.value_s, qnn.times.runs) == (about(10.96626e-3), 100)


@pytest.mark.parametrize("separator", ["\t", "│"])
def test_the_inspector_of_executorch(separator: str, tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, inspector(separator)))
    assert run.times is not None
    assert run.times.value_s == about(5e-3)
    assert run.times.mean_s == about(5.1e-3)
    assert run.profile is not None
    kernels = run.profile.kernels
    assert [(kernel.operator, kernel.seconds) for kernel in kernels] == [
        ("aten.convolution.default", about(3e-3)),
        ("aten.softmax.int", about(1.5e-3)),
    ]


def test_delegates_that_count_in_another_unit_are_not_used(tmp_path: Path) -> None:
    run = read_tool_output(written(tmp_path, inspector("\t", scale=1e6)))
    assert run.profile is None
    assert "times of operators are not used" in run.notes[0]


@pytest.mark.parametrize(
    ("unit", "message"), [("p50 (cycles)", "`cycles` is no unit"), ("p50", "have no unit")]
)
def test_the_inspector_without_a_unit_of_time_is_refused(
    unit: str, message: str, tmp_path: Path
) -> None:
    text = inspector("\t").replace("p50 (ms)", unit)
    with pytest.raises(MeasurementError, match=message):
        read_tool_output(written(tmp_path, text))


def test_a_table_of_measurements(tmp_path: Path) -> None:
    text = "model,latency_ms,runtime,threads\nmobilenet_v1,12.5,ncnn,1\nresnet,40,ncnn,1\n"
    run = read_tool_output(written(tmp_path, text, "times.csv"), "mobilenet_v1")
    assert run.times is not None
    assert (run.times.statistic, run.times.value_s) == ("stated", about(12.5e-3))


SAMPLES = {
    "benchmark_model": BENCHMARK_MODEL + PROFILE,
    "csv": CSV_PROFILE,
    "trtexec": TRTEXEC,
    "trtexec 7": TRTEXEC_7,
    "perf_test": PERF_TEST,
    "benchncnn": BENCHNCNN,
    "executor_runner": RUNNER,
    "inspector": inspector("\t"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_one_reader_alone_knows_an_output(name: str, tmp_path: Path) -> None:
    source = reading._source(str(written(tmp_path, SAMPLES[name])))
    assert sum(read(source) is not None for read in reading.READERS) == 1


@pytest.mark.parametrize("name", SAMPLES)
def test_windows_shells_and_colors_change_nothing(name: str, tmp_path: Path) -> None:
    plain = read_tool_runs(written(tmp_path, SAMPLES[name]))
    lines = [f"\x1b[32m{line}\x1b[0m" for line in SAMPLES[name].splitlines()]
    other = read_tool_runs(written(tmp_path, "\r\n".join(lines).encode("utf-16"), "wide.txt"))
    assert plain is not None
    assert other is not None
    assert [(run.times, run.network, run.profile) for run in plain] == [
        (run.times, run.network, run.profile) for run in other
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_log_that_is_cut_off_has_a_time_or_an_error(name: str, tmp_path: Path) -> None:
    lines = SAMPLES[name].splitlines()
    found: list[ToolRun] = []
    for end in range(len(lines)):
        try:
            runs = read_tool_runs(written(tmp_path, "\n".join(lines[:end])))
        except MeasurementError:
            continue
        found += runs or ()
    assert all(run.times is not None or run.profile is not None for run in found)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("csv", "inspector")])
def test_a_number_that_is_cut_off_is_no_time(name: str, tmp_path: Path) -> None:
    whole = SAMPLES[name]
    runs = read_tool_runs(written(tmp_path, whole))
    known = [figure for run in runs or () for figure in figures_of(run)]
    for end in range(len(whole)):
        try:
            runs = read_tool_runs(written(tmp_path, whole[:end]))
        except MeasurementError:
            continue
        for run in runs or ():
            if run.times is not None:
                assert min(known) <= run.times.value_s <= max(known), whole[:end][-80:]


def figures_of(run: ToolRun) -> list[float]:
    """All figures of a run."""
    return [
        value
        for times in (run.times, *run.others.values())
        if times is not None
        for value in (times.median_s, times.mean_s, times.fastest_s, times.slowest_s)
        if value is not None
    ]


@pytest.mark.parametrize(
    "text",
    [
        TRTEXEC.replace("min = 0.14 ms", "min = 1e99 ms"),
        TRTEXEC.replace("median = 0.15 ms", "median = 0 ms"),
        PERF_TEST.replace("0.0985086", "0"),
        BENCHMARK_MODEL.replace("Inference (avg): 3209.4", "Inference (avg): -3"),
        BENCHNCNN.replace("avg =   52.62", "avg =   1e99"),
        '[{"computeMs": NaN}, {"latencyMs": Infinity}]',
        '[{"computeMs": 1' + "0" * 5000 + "}]",
        '["latencyMs", ' + "[" * 100_000,
        '[{"latencyMs": "1"}]',
        '[1, "latencyMs"]',
        '["latencyMs"',
    ],
)
def test_times_that_cannot_be_are_errors(text: str, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError):
        read_tool_runs(written(tmp_path, text))


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\xff\xfe\x00", b"\x00\x80" * 500, b"[1]"])
def test_what_no_tool_wrote(data: bytes, tmp_path: Path) -> None:
    assert read_tool_runs(written(tmp_path, data)) is None
    with pytest.raises(MeasurementError, match="no tool is known that writes this"):
        read_tool_output(written(tmp_path, data))


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_tool_output(tmp_path / "nowhere.txt")
    large = written(tmp_path, b"\n" * (reading.MAX_BYTES + 1))
    with pytest.raises(MeasurementError, match="16 MiB"):
        read_tool_output(large)


@pytest.mark.parametrize(
    "line", ["a " * 90_000, "1 " * 90_000, "x: [" * 50_000, "│" * 180_000, "min = " * 30_000]
)
def test_a_line_without_end_costs_no_more_than_its_length(line: str, tmp_path: Path) -> None:
    for sample in (BENCHMARK_MODEL + PROFILE, TRTEXEC, BENCHNCNN, inspector("\t")):
        lines = sample.splitlines()
        lines.insert(len(lines) - 2, line)
        try:
            read_tool_runs(written(tmp_path, "\n".join(lines)))
        except MeasurementError:
            continue
