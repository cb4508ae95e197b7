# bash completion for xdp_loader and xdp_stats, installed under both names; works with and without the package
# bash-completion.
# shellcheck shell=bash

# The value that was given for an option, `--name VALUE` or `--name=VALUE` (which bash splits at "=").
_xdp_tally_value() {
	local i value=
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] && break
		if [[ ${COMP_WORDS[i]} == "$1" ]]; then
			value=${COMP_WORDS[i + 1]-}
			[[ $value != = ]] || value=${COMP_WORDS[i + 2]-}
		fi
	done
	value=${value//\\/}
	printf '%s' "${value/#\~\//$HOME/}"
}

# Names of interfaces come from elsewhere: nothing in them may be expanded, as `compgen -W` would.
_xdp_tally_offer() {
	local word quoted
	while IFS= read -r word; do
		printf -v quoted %q "$word"
		[[ -z $word || $quoted != "$cur"* ]] || COMPREPLY+=("$quoted")
	done
}

_xdp_tally_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${1--f}" -- "$cur")
}

# Of the namespace that was named, or of this one.
_xdp_tally_interfaces() {
	local netns device
	netns=$(_xdp_tally_value --netns)
	case $netns in
	'')
		for device in /sys/class/net/*/; do
			[[ ! -e $device ]] || basename -- "$device"
		done
		;;
	*/*) nsenter --net="$netns" ip -brief link show 2>/dev/null | sed 's/[@ ].*//' ;;
	*) ip -netns "$netns" -brief link show 2>/dev/null | sed 's/[@ ].*//' ;;
	esac
}

_xdp_tally_namespaces() {
	if [[ $cur == */* ]]; then
		_xdp_tally_files
	else
		_xdp_tally_offer < <(ls /run/netns 2>/dev/null)
	fi
}

# bash splits `--name=VALUE` at "=": sets `cur` and `previous` as if it did not.
_xdp_tally_words() {
	cur=${COMP_WORDS[COMP_CWORD]-} previous=${COMP_WORDS[COMP_CWORD - 1]-}
	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
}

_xdp_loader_command() {
	local first=$1
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$first"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$first"
	elif ((COMP_CWORD == first)) && [[ $cur != */* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
	else
		_xdp_tally_files
	fi
}

_xdp_loader() {
	local cur previous file i
	_xdp_tally_words
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			_xdp_loader_command $((i + 1))
			return
		fi
	done
	case $previous in
	-d | --dev | --redirect-to) _xdp_tally_offer < <(_xdp_tally_interfaces) ;;
	--netns) _xdp_tally_namespaces ;;
	--attach) mapfile -t COMPREPLY < <(compgen -W "auto dispatcher link" -- "$cur") ;;
	--chain-actions) mapfile -t COMPREPLY < <(compgen -W "none aborted drop pass tx redirect" -- "$cur") ;;
	--prio) ;;
	--action) mapfile -t COMPREPLY < <(compgen -W "pass drop aborted tx redirect" -- "$cur") ;;
	--filename | --test-run) _xdp_tally_files ;;
	--bpffs) _xdp_tally_files -d ;;
	--progname)
		file=$(_xdp_tally_value --filename)
		[[ ! -f $file ]] ||
			_xdp_tally_offer < <("${COMP_WORDS[0]}" --list-programs --filename "$file" 2>/dev/null)
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "
			--help --version --dev --netns --bpffs
			--action --redirect-to --filename --progname
			--native-mode --skb-mode --offload-mode --auto-mode --attach --prio --chain-actions
			--force --reuse-maps --migrate
			--observe --unload --status --clean --keep-maps --run --test-run --list-programs --dry-run
			--json --quiet --verbose" -- "$cur")
		;;
	esac
}

# Those with pins, also of interfaces that are gone; and those that are there.
_xdp_stats_devices() {
	local netns root pins
	netns=$(_xdp_tally_value --netns)
	root=$(_xdp_tally_value --bpffs)
	root=${root:-/sys/fs/bpf}
	[[ -z $netns ]] || root+=/netns:${netns//./%2E}
	{
		for pins in "$root"/*/xdp_stats_map; do
			[[ ! -e $pins ]] || basename -- "${pins%/*}" | sed 's/%2E/./g'
		done
		_xdp_tally_interfaces
	} | sort -u
}

_xdp_stats() {
	local cur previous
	_xdp_tally_words
	case $previous in
	-d | --dev) _xdp_tally_offer < <(_xdp_stats_devices) ;;
	--netns) _xdp_tally_namespaces ;;
	--map | --output) _xdp_tally_files ;;
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	--bpffs) _xdp_tally_files -d ;;
	--format) mapfile -t COMPREPLY < <(compgen -W "table json csv prometheus" -- "$cur") ;;
	--expect)
		compopt -o nospace 2>/dev/null
		cur=${cur#[\'\"]}
		mapfile -t COMPREPLY < <(
			compgen -W "{aborted,drop,pass,tx,redirect,total}.{packets,bytes,pps,bps}" -- "$cur"
		)
		;;
	-i | --interval | -n | --count | --within | --map-id | --listen) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "
			--help --version --dev --all --netns --map --map-id --wait --bpffs
			--interval --count --once --expect --within
			--format --json --per-cpu --per-program --since-start --output --quiet --verbose
			--live --listen --user" -- "$cur")
		;;
	esac
}

complete -F _xdp_loader xdp_loader
complete -F _xdp_stats xdp_stats
