# bash completion for xdp_loader; works with and without the package bash-completion.
# shellcheck shell=bash

# The value that was given for an option, `--name VALUE` or `--name=VALUE` (which bash splits at "=").
_xdp_loader_value() {
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
_xdp_loader_offer() {
	local word quoted
	while IFS= read -r word; do
		printf -v quoted %q "$word"
		[[ -z $word || $quoted != "$cur"* ]] || COMPREPLY+=("$quoted")
	done
}

_xdp_loader_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${1--f}" -- "$cur")
}

_xdp_loader_devices() {
	local netns device
	netns=$(_xdp_loader_value --netns)
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

_xdp_loader_command() {
	local first=$1
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$first"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$first"
	elif ((COMP_CWORD == first)) && [[ $cur != */* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
	else
		_xdp_loader_files
	fi
}

_xdp_loader() {
	local cur=${COMP_WORDS[COMP_CWORD]-} previous=${COMP_WORDS[COMP_CWORD - 1]-} file i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			_xdp_loader_command $((i + 1))
			return
		fi
	done
	if [[ $cur == = ]]; then
		cur=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
	case $previous in
	-d | --dev | --redirect-to) _xdp_loader_offer < <(_xdp_loader_devices) ;;
	--netns)
		if [[ $cur == */* ]]; then
			_xdp_loader_files
		else
			_xdp_loader_offer < <(ls /run/netns 2>/dev/null)
		fi
		;;
	--action) mapfile -t COMPREPLY < <(compgen -W "pass drop aborted tx redirect" -- "$cur") ;;
	--filename | --test-run) _xdp_loader_files ;;
	--bpffs) _xdp_loader_files -d ;;
	--progname)
		file=$(_xdp_loader_value --filename)
		[[ ! -f $file ]] ||
			_xdp_loader_offer < <("${COMP_WORDS[0]}" --list-programs --filename "$file" 2>/dev/null)
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "
			--help --version --dev --netns --bpffs
			--action --redirect-to --filename --progname
			--native-mode --skb-mode --offload-mode --auto-mode --force --reuse-maps --migrate
			--unload --status --clean --keep-maps --run --test-run --list-programs --dry-run
			--json --quiet --verbose" -- "$cur")
		;;
	esac
}

complete -F _xdp_loader xdp_loader
