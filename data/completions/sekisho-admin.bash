# SPDX-License-Identifier: GPL-2.0-or-later
# The words come from the program itself, which has them from the contract.
_sekisho_admin()
{
	local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")

	mapfile -t COMPREPLY < <(compgen -W "$(sekisho-admin complete "${words[@]:0:2}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _sekisho_admin sekisho-admin
