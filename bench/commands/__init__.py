"""The commands of bench, one file each. None imports torch before it is called."""

from collections.abc import Callable

from bench.commands.clean import clean_command
from bench.commands.list import list_command
from bench.commands.models import models_command
from bench.commands.options import EXIT_CODES
from bench.commands.predict import predict_command
from bench.commands.pretrain import pretrain_command
from bench.commands.run import RUN_EPILOG, run_command
from bench.commands.show import show_command
from bench.commands.summary import summary_command

COMMANDS: dict[str, Callable[..., None]] = {
    "run": run_command,
    "models": models_command,
    "summary": summary_command,
    "list": list_command,
    "show": show_command,
    "predict": predict_command,
    "pretrain": pretrain_command,
    "clean": clean_command,
}
