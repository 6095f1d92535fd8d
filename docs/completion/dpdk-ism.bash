# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Completion for bash: the options that a program's own --help prints, each value that
# names a file or folder, and what DPDK takes before "--".

_dpdk_ism() {
	local program=$1 word=$2 before=$3 options
	COMPREPLY=()
	case $before in
	--mount)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--probe)
		mapfile -t COMPREPLY < <(compgen -W allow=any -- "$word")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$word")
		return
		;;
	--transcript | --cmdline-file | --dir | --config | --peers)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	if [[ $program == *dpdk-ismctl && $word != -* ]]; then
		options=$("$program" --help 2>/dev/null | grep -oE '^  [a-z]+ ' | sort -u)
		case $before in
		add | allow | deny) options='export console' ;;
		remove) options='export console mount' ;;
		*=*) options= ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		return
	fi
	if [[ $word != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	fi
	options=$("$program" --help 2>/dev/null | grep -oE -- '(^|[ ,|])--[a-z][a-z-]+' |
		grep -oE -- '--[a-z][a-z-]+' | sort -u)
	if [[ $program != *ism-fabric && $program != *dpdk-ismctl && " ${COMP_WORDS[*]:0:COMP_CWORD} " != *" -- "* ]]; then
		options+=$'\n-- \n-l\n--lcores\n--vdev=raw_ism0,socket=\n--file-prefix'
	fi
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}

complete -o filenames -F _dpdk_ism dpdk-ismblk dpdk-ismcons dpdk-ismctl dpdk-ismd \
	dpdk-ismstat ism-fabric
