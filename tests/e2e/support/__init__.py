# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the end-to-end tests share, one noun a file. Nothing here is a test, and no test imports another."""
