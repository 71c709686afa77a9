"""The bot as it was first written: whoever wrote the agent offered a program, so it is started for each question."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("trace_agent.py")


def reply(question: str) -> str:
    done = subprocess.run([sys.executable, PROGRAM, question], capture_output=True, text=True, check=True)
    return done.stdout.strip()
