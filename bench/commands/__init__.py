"""The commands of bench, one file each. None imports torch before it is called."""

from bench.commands.list import list_command
from bench.commands.models import models_command
from bench.commands.options import EXIT_CODES
from bench.commands.predict import predict_command
from bench.commands.pretrain import pretrain_command
from bench.commands.run import EPILOG as RUN_EPILOG
from bench.commands.run import run_command
from bench.commands.show import show_command
from bench.commands.summary import summary_command

__all__ = [
    "EXIT_CODES",
    "RUN_EPILOG",
    "list_command",
    "models_command",
    "predict_command",
    "pretrain_command",
    "run_command",
    "show_command",
    "summary_command",
]
