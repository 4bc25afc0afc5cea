"""`python -m i2sbkit`, and what torchrun starts."""

from .cli import run

if __name__ == "__main__":
    run()
