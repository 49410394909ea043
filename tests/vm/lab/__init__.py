# SPDX-License-Identifier: GPL-2.0-or-later
"""A disposable clinic PC under QEMU, for end-to-end tests and for `make run`."""
