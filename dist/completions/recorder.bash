# Completion of recorder(1) for bash. What may stand where, the program itself tells.

_recorder()
{
	local -a words=()
	local word fixed= text i

	# To bash "=" and ":" are words of their own; the program wants what was typed.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((${#words[@]} > 0)) && [[ $word == [=:]* || ${words[-1]} == *[=:] ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
	done
	for i in "${!words[@]}"; do
		word=${words[i]}
		case $word in
		\"*) word=${word#\"} word=${word%\"} ;;
		\'*) word=${word#\'} word=${word%\'} ;;
		*) [[ $word != *[=:]* ]] || fixed=${word%"${word##*[=:]}"} ;;
		esac
		words[i]=$word
		((i + 1 == ${#words[@]})) || fixed=
	done

	COMPREPLY=()
	while IFS=$'\t' read -r text _; do
		case $text in
		:file | :folder)
			compopt -o filenames
			[ "$text" = :file ] && i=-f || i=-d
			while IFS= read -r text; do
				COMPREPLY+=("$text")
			done < <(compgen $i -- "${word#"$fixed"}")
			;;
		*)
			[[ $text != *= ]] || compopt -o nospace
			COMPREPLY+=("${text#"$fixed"}")
			;;
		esac
	done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
}

complete -F _recorder recorder
