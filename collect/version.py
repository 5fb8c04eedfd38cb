"""Which version of vggbench this is. Standard library only."""

from importlib.metadata import PackageNotFoundError, version


def vggbench_version() -> str:
    """The installed version, or "checkout" if vggbench is not installed."""
    try:
        return version("vggbench")
    except PackageNotFoundError:
        return "checkout"
