#!/usr/bin/perl
# Guest memory by the GiB: mapped by one entry when all of it is there, split when a part is given back, all returned in the end.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# -> {VM: [2 MiB, 1 GiB]}: how often so much was mapped at once.
sub mapped { return {map { /^# large pages of (\S+): (\d+) x 2 MiB, (\d+) x 1 GiB$/ ? ($1 => [$2, $3]) : () } split /\n/, $_[0]} }

my $large = "$top/tests/data/large.conf";

# A guest of 1 GiB, another after it, and one of 512 MiB; each touches each 2 MiB of its memory. The second VM can have its
# GiB only if the first one's came back whole. What is dropped and touched again is mapped by 2 MiB once more.
my (undef, $text) = reports(qemu("--memory 3072 --config $large"), 0, 'SVM, 3 GiB: the guests pass');
is_deeply(mapped($text), {gib => [514, 1], 'gib-again' => [514, 1], part => [258, 0]}, 'a GiB is mapped by one entry, twice');

# Bochs has 2 GiB at most, and its firmware's tables are at the end of them: no GiB is whole there.
(undef, $text) = reports(bochs("--memory 2048 --timeout 200 --config $large"), 0, 'VMX, 2 GiB: the guests pass');
is_deeply(mapped($text), {gib => [514, 0], 'gib-again' => [514, 0], part => [258, 0]}, 'by 2 MiB where no block of 1 GiB is free');

# A guest that touches a part of its GiB only, and lives again and again: what stayed in reserve comes back, too.
put_file("$work/reserve.conf", "[vm gib]\nimage = hello64.elf\nmemory = 1G\nlarge-pages = yes\nconsole = no\nrepeat = 5\n");
(undef, $text) = reports(qemu("--memory 3072 --config $work/reserve.conf"), 0, 'SVM: five lives with a GiB in reserve');
my ($early, $late) = $text =~ /^# (\d+) KiB were free after the first runs, (\d+) KiB after the last$/m;
ok(defined $early && $early == $late, 'all memory is back after each');
like($text, qr/^# gib +exit 0( +\d+){3} +2621[4-9]\d /m, 'the VM paid for all of it');
done_testing;
