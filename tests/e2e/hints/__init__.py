# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the programs tell a user to do next: `sources` finds it in their code, `table` says how each is tested."""
