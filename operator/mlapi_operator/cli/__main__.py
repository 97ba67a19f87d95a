"""`python -m mlapi_operator.cli`, the same as `mlapi`."""

import sys

from mlapi_operator.cli import main

sys.exit(main())
