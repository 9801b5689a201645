# What the tools that boot machines or make images have in common. They source it with `top` (the checkout) and `me` (their
# name) set.

build=${BUILD:-$top/build}
case $build in /*) ;; *) build=$PWD/$build ;; esac

die()
{
    echo "$me: $*" >&2
    exit 2
}

usage_error()
{
    echo "$me: $*" >&2
    echo "$me: try --help" >&2
    exit 2
}

# need_value OPTION "$#": an option that takes a value has one.
need_value()
{
    [ "$2" -ge 2 ] || usage_error "$1 wants a value"
}

need_number()
{
    case $2 in '' | *[!0-9]*) usage_error "$1 wants a number, not \"$2\"" ;; esac
}

need_file()
{
    [ -f "$1" ] && [ -r "$1" ] || die "$1: no such file${2:+ ($2)}"
}

absolute()
{
    case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac
}

make_work_folder()
{
    work=$(mktemp -d "${TMPDIR:-/tmp}/nestor.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

# is_without NAME: --without named it.
is_without()
{
    case " $without " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# add_module FILE WHY: one more boot module, unless it is there already.
add_module()
{
    name=${1##*/}
    case $name in *[!A-Za-z0-9._+-]*) die "$2: a module's name has letters, digits and ._+- only: \"$name\"" ;; esac
    ! is_without "$name" || return 0
    need_file "$1" "$2"
    if [ -L "$work/boot/$name" ]; then
        [ "$(readlink "$work/boot/$name")" = "$1" ] || die "$2: $1: another module is called $name, too"
        return 0
    fi
    ln -s "$1" "$work/boot/$name"
    modules="$modules $name"
}

# stage_modules CONFIG...: makes $work/boot, with a link to the kernel and to each module; $modules are the modules' names
# in their order: the root task, the monitor, and for each config itself, each image that it names (`image = NAME`: a file
# of the build's guests folder, or a path from the top of the checkout), and each saved VM (`state = NAME`: a file of the
# folder $states, or such a path); with feature tests, all known differences; and all profiles.
stage_modules()
{
    mkdir "$work/boot"
    modules=
    need_file "$1"
    need_file "$build/nestor.elf" "run make first"
    ln -s "$build/nestor.elf" "$work/boot/nestor.elf"
    add_module "$build/root.elf" "run make first"
    add_module "$build/monitor.elf" "run make first"
    while [ $# -gt 0 ]; do
        add_config "$1"
        shift
    done
    add_all profiles
}

# add_config CONFIG: it, and what it names.
add_config()
{
    need_file "$1"
    add_module "$(absolute "$1")" "the config"
    awk -F = '$1 ~ /^[ \t]*(image|state)[ \t]*$/ && split($2, words, /[ \t\r#]+/) {
        print FNR, $1, words[1] == "" ? words[2] : words[1] }' "$1" >"$work/images"
    while read -r line key image; do
        case $image,$key in
        ,*) continue ;;
        /*) file=$image ;;
        */*) file=$top/$image ;;
        *,state) file=${states:-.}/$image ;;
        *) file=$build/guests/$image ;;
        esac
        add_module "$(absolute "$file")" "$key in $1, line $line"
    done <"$work/images"
    ! grep -Eq '^[ \t]*lab[ \t]*=[ \t]*(yes|full)' "$1" || add_all known-differences
}

# add_all NAME: one module of all files of config/NAME.
add_all()
{
    for file in "$top/config/$1"/*.conf; do
        [ -f "$file" ] || continue
        echo "[file ${file##*/}]"
        cat "$file"
    done >"$work/$1"
    add_module "$work/$1" "config/$1"
}

# verdict FILE: "pass" or "fail" as the machine's last word in a serial log, or nothing.
verdict()
{
    LC_ALL=C sed -n 's/^NESTOR END \(pass\|fail\).*/\1/p' "$1" 2>/dev/null | tail -n 1
}
