# The folder of files that Nestor is booted from by GRUB, on a CD, a stick or a TFTP server. make-iso and make-pxe source
# this after machine.sh.

# What GRUB needs on every platform, beside what its platform and the way to the files need.
grub_modules="normal multiboot multiboot2 test regexp search_fs_file serial terminal configfile cmp echo sleep ls cat reboot halt"

# shipped_configs: the names in config/ of the machine descriptions that need nothing from an earlier run, and keep nothing
# for a later one; what most people want comes first.
shipped_configs()
{
    printf '%s\n' default.conf tests.conf
    (cd "$top/config" && grep -LE '^[ \t]*(save|state)[ \t]*=' *.conf) | grep -vx -e default.conf -e tests.conf
}

# add_guests: modules of all demo guests, for machines that are yet to be described.
add_guests()
{
    for source in "$top"/guests/demo/*; do
        name=${source##*/}
        for image in "$build/guests/${name%.*}.elf" "$build/guests/${name%.*}.bin"; do
            [ ! -f "$image" ] || add_module "$image" "a guest"
        done
    done
}

# title_of CONFIG: the machine's name, or else its first comment, as a text without quotes.
title_of()
{
    awk '/^\[machine\]/ { machine = 1 } machine && sub(/^[ \t]*name[ \t]*=[ \t]*/, "") { name = $0; exit }
        NR == 1 && sub(/^# */, "") { comment = $0 }
        END { print name != "" ? name : comment != "" ? comment : "a machine" }' "$1" |
        LC_ALL=C tr -cd 'A-Za-z0-9 .,:+/()-' | cut -c 1-50 | sed 's/\.$//'
}

# boot_folder FOLDER CONFIG...: fills it, from what stage_modules has staged of these configs; the first is the default.
# $common are the modules that each of them gets. Debug information and symbols would only cost loading time.
boot_folder()
{
    folder=$1
    shift
    mkdir -p "$folder"
    common=
    for name in nestor.elf $modules; do
        case $name in
        *.elf) strip -o "$folder/$name" "$work/boot/$name" 2>/dev/null || cp -L "$work/boot/$name" "$folder/$name" ;;
        *) cp -L "$work/boot/$name" "$folder/$name" ;;
        esac
        case $name in
        nestor.elf | *.conf) ;;
        *) common="$common $name" ;;
        esac
    done
    common=${common# }
    cp "$top/tools/grub/grub.cfg" "$folder/grub.cfg"
    write_settings "$@" >"$folder/nestor.cfg"
    chmod 644 "$folder"/*
}

# write_settings CONFIG...: nestor.cfg. The variables $timeout, $append, $serial, $graphics and $multiboot go into it.
write_settings()
{
    cat <<TEXT
# Nestor's menu: what a lab may change, in any editor. Nothing needs to be built again. docs/install.md explains it.

# The entry that is booted when the time is up, and the seconds until then (0: at once, -1: never).
set default="${1##*/}"
set timeout=$timeout

# Words for the kernel's command line, for every entry: "hold=1 end=halt", say. docs/boot.md has them all.
set words="$append"

# The menu on a serial line, too; unit 0 is COM1. "" is for none.
set serial="$serial"

# The screen's mode for Nestor, such as 1024x768x32. "" is for text with a BIOS, and 1280x800 or what there is under UEFI.
set graphics="$graphics"

# The version of the Multiboot protocol: 2 or 1.
set multiboot=$multiboot

# Boot modules of every entry beside its machine description, which can name each of these guests.
set modules="$common"

# Machine descriptions that become entries as soon as they are there, where GRUB can't list a folder: on a TFTP server.
set own="my.conf my1.conf my2.conf my3.conf"

# The entries: machine FILE TITLE [WORDS FOR THE KERNEL'S COMMAND LINE]
TEXT
    for each; do
        name=${each##*/}
        [ -f "$folder/$name" ] || name='""' # left out: a machine without a description
        echo "machine $name \"$(title_of "$each")\""
    done
}

# print_sizes FOLDER: what the user may want to know of it.
print_sizes()
{
    (
        cd "$1"
        set -- *.elf *.bin
        echo "$me: kernel $(wc -c <nestor.elf), root task and monitor $(cat root.elf monitor.elf | wc -c)," \
            "$(($# - 3)) guests: $(cat "$@" | wc -c) bytes in all"
    )
}

# need_words TEXT: it is a command line that goes through GRUB's and iPXE's languages.
need_words()
{
    case $1 in
    *[!A-Za-z0-9\ =,._/:+*?-]*) die "--append $1: only letters, digits and =,._/:+*?- can go through GRUB" ;;
    esac
}

# need_grub: the programs and the modules of GRUB that both tools use.
need_grub()
{
    for platform in i386-pc x86_64-efi; do
        [ -f /usr/lib/grub/$platform/moddep.lst ] || die "no /usr/lib/grub/$platform: run tools/setup"
    done
    command -v grub-mkimage >/dev/null || die "no grub-mkimage: run tools/setup"
}

# grub_core FORMAT FILE CONFIG MODULE...: one file of GRUB with all that it needs.
grub_core()
{
    format=$1
    core=$2
    settings=$3
    shift 3
    sed '/^#/d' "$settings" >"$work/core.cfg" # a core's configuration has no comments
    grub-mkimage -O "$format" -o "$core" -c "$work/core.cfg" -p /nestor $grub_modules "$@" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; die "grub-mkimage failed"; }
}

# grub_net_core FORMAT FILE PREFIX: one that boots from the network, and finds the other files in the folder PREFIX.
grub_net_core()
{
    case $1 in
    i386-pc-pxe) drivers="pxe vbe" ;;
    x86_64-efi) drivers="efinet efi_gop efi_uga" ;;
    esac
    echo "set prefix=$3" >"$work/net.cfg"
    grub_core "$1" "$2" "$work/net.cfg" tftp http $drivers
}
