"""A shell that has read such a script knows `operate`, which runs that of this project, and completes its arguments.

It asks as click does: `_OPERATE_COMPLETE` says for which shell, and the answer has a line per candidate.
"""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "_OPERATE_COMPLETE"

_BASH: Final = """\
operate() {
    %(run)s "$@"
}
_operate_completion() {
    local IFS=$'\\n' line
    COMPREPLY=()
    for line in $(env %(variable)s=bash_complete COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(run)s); do
        case "$line" in
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
            plain,*) COMPREPLY+=("${line#plain,}") ;;
        esac
    done
}
complete -o nosort -F _operate_completion operate
"""

_ZSH: Final = """\
operate() {
    %(run)s "$@"
}
_operate_completion() {
    local -a response plain described
    local type key description
    response=("${(@f)$(env %(variable)s=zsh_complete COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) %(run)s)}")
    for type key description in ${response}; do
        case "$type" in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain) if [[ "$description" == "_" ]]; then plain+=("$key"); else described+=("$key":"$description"); fi ;;
        esac
    done
    if (( $#described )); then _describe -V unsorted described -U; fi
    if (( $#plain )); then compadd -U -V unsorted -a plain; fi
}
compdef _operate_completion operate
"""

_FISH: Final = """\
function operate
    env %(run)s $argv
end
function _operate_completion
    for line in (env %(variable)s=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) %(run)s)
        set -l found (string split --max 1 "," -- $line)
        switch $found[1]
            case dir
                __fish_complete_directories $found[2]
            case file
                __fish_complete_path $found[2]
            case plain
                echo $found[2]
        end
    end
end
complete --no-files --command operate --arguments "(_operate_completion)"
"""

SCRIPTS: Final[Mapping[str, str]] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str, root: Path) -> str:
    """Returns what the shell evaluates; it works in any folder."""
    # -P: what lies in the folder that the user is in is not what is run.
    run = f"PYTHONPATH={shlex.quote(str(root))} {shlex.quote(sys.executable)} -P -m operate"
    return SCRIPTS[shell] % {"run": run, "variable": VARIABLE}
