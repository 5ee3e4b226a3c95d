"""Invokes the Python rule once with the event on standard input, and prints what it answered and what it took."""

import json
import resource
import sys

import rule


def main() -> None:
    answer = rule.lambda_handler(json.load(sys.stdin), None)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"answer": answer, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_kib": peak_kib()}))


def peak_kib() -> int:
    # Not ru_maxrss: it begins with the peak of the process that started this one.
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


main()
