from pathlib import Path

from benchmarks.report.provenance import processor, provenance


def test_the_processor_says_whether_it_has_avx512(tmp_path: Path) -> None:
    about = tmp_path / "cpuinfo"
    about.write_text("processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 avx512f\n\n")
    assert processor(about) == "Some CPU with AVX-512"
    about.write_text("model name\t: Some CPU\nflags\t\t: fpu avx512x\n")
    assert processor(about) == "Some CPU without AVX-512"
    about.write_text("Features\t: asimd\n")
    assert processor(about)
    assert "AVX" not in processor(about)


def test_a_run_says_what_it_ran_on() -> None:
    found = provenance()
    assert found["processor"] == processor()
    assert found["cores"] > 0
