"""Whether TensorBoard's package is there: asked before anything is read or trained."""

from __future__ import annotations

from tui_trainer.errors import InputError


def check_installed() -> None:
    """Raises InputError where `--tensorboard` could write nothing."""
    try:
        import tui_trainer.worker.board.telling  # noqa: F401
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "tensorboard":
            raise InputError(
                "--tensorboard needs the package tensorboard, which is not installed: "
                "pip install 'tui-trainer[tensorboard]', or leave the flag out"
            ) from None
        raise _broken(error) from None
    except Exception as error:  # protobuf refuses generated code of another version with errors of its own
        raise _broken(error) from None


def _broken(error: Exception) -> InputError:
    what = " ".join(str(error).split())[:200]
    return InputError(
        f"--tensorboard: the installed tensorboard cannot be loaded ({what}); "
        "pip install --upgrade 'tui-trainer[tensorboard]', or leave the flag out"
    )
