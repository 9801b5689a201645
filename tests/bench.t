#!/usr/bin/perl
# tools/bench: all events are measured on both back ends, and BUILD/bench.json is as it should be. No figure is judged here:
# docs/bench.md says what they are. And 256 VMs, which run in 256 MiB.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my ($made, $said) = run("make -C $top BUILD=$build bench-build");
is($made, 0, 'the kernel that counts is built') or diag($said);

my ($status, $text) = run("$top/tools/bench --vms 1 --json $work/bench.json");
is($status, 0, 'tools/bench measures') or diag($text);

# A list of objects, each on a line of its own.
my $json = get_file("$work/bench.json");
like($json, qr/\A\[\n(?:  \{.*\},\n)*  \{.*\}\n\]\n\z/, 'bench.json is a list of objects');
my (%found, @wrong);
for my $line ($json =~ /^  (\{.*\})/mg) {
    if ($line =~ /^\{"backend": "(vmx|svm)", "event": "([a-z0-9-]+)", "vms": (\d+), "n": (\d+), "min": ([\d.]+), "median": ([\d.]+)\}$/) {
        $found{"$1 $2"} = 1;
        push @wrong, $line if $3 < 1 || $4 < 1 || $5 <= 0 || $6 < $5;
    } else {
        push @wrong, $line;
    }
}
is_deeply(\@wrong, [], 'each has its members, and a median that is no less than the minimum');

my @both = qw(cpuid hypercall out-monitor fault-present fault-fresh message-roundtrip switch ring-4k memcpy-4k-twice);
my @expected = ((map { ("vmx $_", "svm $_") } @both), 'vmx vmread-per-cpuid', 'vmx vmwrite-per-cpuid');
is_deeply([grep { !$found{$_} } @expected], [], 'all events are there');
for my $row ('CPUID, answered in the kernel', 'null hypercall', 'OUT to the monitor and back', 'message VM A -> B -> A') {
    like($text, qr/^\Q$row\E +[\d.]+!? +[\d.]+!? +\d+ .*(?:KVM|NOVA)/m, "the table has: $row, beside the others");
}

# ---- Many VMs ----

my $many = "[machine]\ntimeout = 200\n" .
    join('', map { "[vm idle$_]\nimage = idle.bin\nkind = flat16\nmemory = 64K\nbackground = yes\n" } 1 .. 255) .
    "[vm hello]\nimage = hello64.elf\nmemory = 4M\n";
put_file("$work/many.conf", $many);
for (['TCG (SVM)', "$top/tools/run-qemu --tcg"], ['Bochs (VMX)', "$top/tools/run-bochs"]) {
    my ($where, $run) = @$_;
    my ($ended, $log) = run("$run --memory 256 --timeout 300 --config $work/many.conf");
    ok($ended == 0 && $log =~ /^NESTOR END pass$/m, "$where: 256 VMs run in 256 MiB") or diag($log);
    my @pages = $log =~ /^# idle\d+ +running +\d+ +\d+ +\d+ +(\d+) +[\d.]+$/mg;
    ok(@pages == 255 && !grep({ $_ * 4 > 160 } @pages), "$where: none of them has more than 160 KiB")
        or diag(scalar(@pages) . " idle VMs, pages: @pages[0 .. 3]");
}
done_testing;
