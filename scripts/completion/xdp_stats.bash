# bash completion for xdp_stats; works with and without the package bash-completion.
# shellcheck shell=bash

# The value that was given for an option, `--name VALUE` or `--name=VALUE` (which bash splits at "=").
_xdp_stats_value() {
	local i value=
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == "$1" ]]; then
			value=${COMP_WORDS[i + 1]-}
			[[ $value != = ]] || value=${COMP_WORDS[i + 2]-}
		fi
	done
	value=${value//\\/}
	printf '%s' "${value/#\~\//$HOME/}"
}

# Names of interfaces come from elsewhere: nothing in them may be expanded, as `compgen -W` would.
_xdp_stats_offer() {
	local word quoted
	while IFS= read -r word; do
		printf -v quoted %q "$word"
		[[ -z $word || $quoted != "$cur"* ]] || COMPREPLY+=("$quoted")
	done
}

_xdp_stats_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${1--f}" -- "$cur")
}

# Those with pins, also of interfaces that are gone; and those that are there.
_xdp_stats_devices() {
	local netns root pins device
	netns=$(_xdp_stats_value --netns)
	root=$(_xdp_stats_value --bpffs)
	root=${root:-/sys/fs/bpf}
	[[ -z $netns ]] || root+=/netns:${netns//./%2E}
	{
		for pins in "$root"/*/xdp_stats_map; do
			[[ ! -e $pins ]] || basename -- "${pins%/*}" | sed 's/%2E/./g'
		done
		case $netns in
		'')
			for device in /sys/class/net/*/; do
				[[ ! -e $device ]] || basename -- "$device"
			done
			;;
		*/*) nsenter --net="$netns" ip -brief link show 2>/dev/null | sed 's/[@ ].*//' ;;
		*) ip -netns "$netns" -brief link show 2>/dev/null | sed 's/[@ ].*//' ;;
		esac
	} | sort -u
}

_xdp_stats() {
	local cur=${COMP_WORDS[COMP_CWORD]-} previous=${COMP_WORDS[COMP_CWORD - 1]-}
	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
	case $previous in
	-d | --dev) _xdp_stats_offer < <(_xdp_stats_devices) ;;
	--netns)
		if [[ $cur == */* ]]; then
			_xdp_stats_files
		else
			_xdp_stats_offer < <(ls /run/netns 2>/dev/null)
		fi
		;;
	--map) _xdp_stats_files ;;
	--bpffs) _xdp_stats_files -d ;;
	--format) mapfile -t COMPREPLY < <(compgen -W "table json csv" -- "$cur") ;;
	--expect)
		compopt -o nospace 2>/dev/null
		cur=${cur#[\'\"]}
		mapfile -t COMPREPLY < <(
			compgen -W "{aborted,drop,pass,tx,redirect,total}.{packets,bytes,pps,bps}" -- "$cur"
		)
		;;
	-i | --interval | -n | --count | --within | --map-id) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "
			--help --version --dev --netns --map --map-id --wait --bpffs
			--interval --count --once --expect --within
			--format --json --per-cpu --since-start --quiet --verbose" -- "$cur")
		;;
	esac
}

complete -F _xdp_stats xdp_stats
