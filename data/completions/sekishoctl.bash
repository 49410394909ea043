# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of sekishoctl for bash: commands, their options, and what is plugged in now.

_sekishoctl_column() {
	sekishoctl "$1" --json 2>/dev/null | sed -n "s/^ *\"$2\": \"\([^\"]*\)\".*/\1/p" | sort -u
}

_sekishoctl() {
	local current=${COMP_WORDS[COMP_CWORD]} words=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words="allow audit break-glass code descriptors devices eject enroll explain last lock log media policy posture reload scan status trial version"
	else
		case ${COMP_WORDS[1]} in
		status) words="--json" ;;
		media) ((COMP_CWORD == 2)) && words="--json open prepare handover passphrase recover retire report-lost inspect copy eject" ||
			words="--read-only --medium --portable --confirm --renew-recovery --key --text --replace --json $(_sekishoctl_column media volume)" ;;
		last) words="--json" ;;
		lock) words="--json --now pass" ;;
		posture) words="--check --json" ;;
		devices) words="--known --json" ;;
		log) words="--follow --after --kind --json" ;;
		allow) words="--for $(_sekishoctl_column devices port)" ;;
		explain) words=$(_sekishoctl_column devices port) ;;
		eject | scan) words=$(_sekishoctl_column media volume) ;;
		enroll) words="--leave" ;;
		code) words="--medium --action" ;;
		break-glass) words="--reason --end" ;;
		trial) ((COMP_CWORD == 2)) && words="start confirm cancel" || words="--for" ;;
		policy) ((COMP_CWORD == 2)) && words="check decide explain generate" ;;
		descriptors) ((COMP_CWORD == 2)) && words="decode" ;;
		audit) ((COMP_CWORD == 2)) && words="verify show export" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	# Rule and descriptor files, where nothing else fits.
	((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -F _sekishoctl sekishoctl
