"""A worker process: jobs come as JSON lines on standard input, events go as JSON lines to standard output.

It ends when its input ends, so workers never outlive the study that started them and no two write to one project. A fresh
interpreter (rather than a fork) keeps threads and open files out; JSON (rather than pickle) keeps it plain.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve jobs until standard input ends."""
    # The protocol keeps the real standard output; what libraries print goes to the log.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the study's to handle; it ends our input
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    # Imported when somebody listens already: a study may end while its workers still load their libraries.
    from querist.bench.spec import StudySpec
    from querist.bench.working import work

    def emit(event: Mapping[str, Any]) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    while True:
        job = json.loads(jobs.get())
        work(StudySpec.of(job["spec"]), job["method"], job["seed"], Path(job["folder"]), emit)


def _listen(jobs: queue.Queue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # the study is gone: stop at once, a project survives that


if __name__ == "__main__":
    main()
