#!/usr/bin/perl
# What is seen of a run: the trace and its picture, the counters, the live screen, in both emulators.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Test::More;
use kernel_machine;

my $config = "$top/tests/data/trace/four.conf";

# ---- The trace --------------------------------------------------------------------------------------------------

# The events of a log as tools/trace draws them, and its table of sums: VM -> [by the trace, by the account].
sub convert
{
    my ($log, $name) = @_;
    my ($status, $text) = run("$top/tools/trace $log");
    my $trace = eval { decode_json($text) };
    ok($status == 0 && $trace && @{$trace->{traceEvents}} > 100, "$name: tools/trace writes JSON")
        or diag($status, substr $text, 0, 500);
    ($status, $text) = run("$top/tools/trace --sum $log");
    my %sums = map { /^(\S+) +(\d+) +(\d+)$/ ? ($1 => [$2, $3]) : () } split /\n/, $text;
    unlike($text, qr/^lost/m, "$name: no record is lost");
    return ($trace->{traceEvents}, \%sums);
}

# The same of any log, without a word.
sub convert_small { return decode_json((run("$top/tools/trace $_[0]"))[1])->{traceEvents} }

# Timestamps are microseconds with three digits: nanoseconds are whole.
sub ns { return sprintf '%.0f', $_[0] * 1000 }

sub overlap
{
    my @list = sort { ns($a->{ts}) <=> ns($b->{ts}) || ns($a->{dur}) <=> ns($b->{dur}) } @_;
    return grep { ns($list[$_]{ts}) < ns($list[$_ - 1]{ts}) + ns($list[$_ - 1]{dur}) } 1 .. $#list;
}

# The turn of a track that an event lies in; `turns` are sorted.
sub turn_of
{
    my ($event, @turns) = @_;
    my ($start, $end) = (ns($event->{ts}), ns($event->{ts}) + ns($event->{dur} // 0));
    return grep { ns($_->{ts}) <= $start && $end <= ns($_->{ts}) + ns($_->{dur}) } @turns;
}

sub check_tracks
{
    my ($name, $cpus, @events) = @_;
    my ($overlaps, $strays, $gaps, $wrong_owner, $turns) = (0, 0, 0, 0, 0);
    for my $cpu (0 .. $cpus - 1) {
        my @track = grep { ($_->{tid} // -1) == $cpu } @events;
        my @turns = grep { $_->{ph} eq 'X' && $_->{cat} eq 'turn' } @track;
        my @modes = grep { $_->{ph} eq 'X' && $_->{cat} ne 'turn' } @track;
        $overlaps += overlap(@turns) + overlap(@modes);
        $strays += grep { !turn_of($_, @turns) } @modes;
        my $not_filled = 0;
        $not_filled += ns($_->{dur}) for grep { $_->{name} ne 'root' } @turns;
        $not_filled -= ns($_->{dur}) for @modes;
        $gaps++ if $not_filled;
        my @exits = grep { $_->{ph} eq 'i' && $_->{args}{rip} } @track;
        for my $exit (@exits[map { 7 * $_ } 0 .. $#exits / 7]) {
            $wrong_owner++ unless grep { $_->{name} eq $exit->{args}{vm} } turn_of($exit, @turns);
        }
        $turns++ if @turns;
    }
    is($turns, $cpus, "$name: each pCPU has a track with turns");
    is($overlaps, 0, "$name: the slices of a track never overlap");
    is($strays, 0, "$name: guest mode and monitor are within turns");
    is($gaps, 0, "$name: and fill them");
    is($wrong_owner, 0, "$name: exits are within their VM's turns");
    my %flow;
    push @{$flow{$_->{id}}}, $_ for grep { $_->{ph} =~ /^[sf]$/ } @events;
    my @bad = grep { @$_ != 2 || $_->[0]{ph} eq $_->[1]{ph} } values %flow;
    push @bad, grep { my ($s, $f) = sort { $b->{ph} cmp $a->{ph} } @$_; ns($s->{ts}) > ns($f->{ts}) } values %flow;
    ok(%flow && !@bad, "$name: each wake-up leads to a later turn");
}

# The scheduler's account and the trace take the same two readings of the TSC, so they agree to the tick for a VM that
# ended by itself. A VM in the background is still running when its account is read, so that is the sum of its turns
# up to one of them. In the picture, each border is rounded to a nanosecond.
sub check_sums
{
    my ($name, $hz, $sums, @events) = @_;
    for my $vm (sort keys %$sums) {
        my ($trace, $account) = @{$sums->{$vm}};
        my @turns = grep { $_->{ph} eq 'X' && $_->{cat} eq 'turn' && $_->{name} eq $vm } @events;
        if ($vm eq 'spin') {
            my $so_far = 0;
            my @sums = map { $so_far += $_->{args}{ticks} // 0 } sort { $a->{ts} <=> $b->{ts} } @turns;
            ok((grep { $_ == $account } @sums), "$name: $vm ran as long as its account says, and perhaps some turns more")
                or diag("account $account, sums @sums");
        } else {
            is($trace, $account, "$name: $vm ran as long as its account says");
        }
        my $drawn = 0;
        $drawn += ns($_->{dur}) for grep { $_->{args}{ticks} } @turns;
        ok(abs($drawn - $trace * 1e9 / $hz) <= @turns + 1, "$name: $vm is drawn as long")
            or diag("drawn $drawn ns, trace $trace ticks at $hz Hz");
    }
}

sub check_counters
{
    my ($name, $text, @events) = @_;
    my (%drawn, %counted);
    $drawn{$_->{args}{vm}}{$_->{name}}++ for grep { $_->{ph} eq 'i' && $_->{args}{rip} } @events;
    my ($table) = $text =~ /^# VM +exit +count\n(.*?)^# the trace/ms;
    $table //= '';
    $counted{$1}{$2} = $3 while $table =~ /^# (hello64|sleep|compute) +(\S.*?) +(\d+)$/mg;
    delete $drawn{spin};
    ok(keys %counted == 3, "$name: the counters of three VMs are printed");
    my $to_monitor = 0;
    $to_monitor += $1 while $text =~ /^# (?:hello64|sleep|compute|spin) +(?:exit 0|running) +\d+ +(\d+) +\d+ +\d+ +[\d.]+$/mg;
    my $monitors = grep { $_->{ph} eq 'X' && $_->{name} eq 'monitor' } @events;
    ok($to_monitor > 50 && $monitors >= $to_monitor, "$name: each exit to a monitor begins a slice in it")
        or diag("$to_monitor exits, $monitors slices");
    is_deeply(\%drawn, \%counted, "$name: exits in the trace are as many as were counted");
}

for my $case (['QEMU', 'run-qemu --tcg', 1], ['QEMU', 'run-qemu --tcg', 2], ['Bochs', 'run-bochs', 1], ['Bochs', 'run-bochs', 2]) {
    my ($emulator, $tool, $cpus) = @$case;
    my $name = "$emulator, $cpus CPU" . ($cpus > 1 ? 's' : '');
    my $log = "$work/$emulator$cpus.log";
    my ($status, $text) = run("$top/tools/$tool --timeout 120 --cpus $cpus --config $config --log $log");
    is($status, 0, "$name: the machine passes") or diag($text);
    my ($hz) = $text =~ /^# trace begin 1 tsc_hz (\d+) pcpus $cpus$/m;
    ok($hz && $text =~ /^# trace end\n(?:# .*\n)*NESTOR END pass$/m, "$name: the trace is within the KTAP document")
        or next;
    my ($events, $sums) = convert($log, $name);
    is(scalar keys %$sums, 4, "$name: four VMs have sums");
    check_tracks($name, $cpus, @$events);
    check_sums($name, $hz, $sums, @$events);
    check_counters($name, $text, @$events);
    my @moves = grep { $_->{name} =~ /^wake \S+ on pCPU|^steal/ } @$events;
    ok($cpus > 1 ? @moves > 0 : @moves == 0, "$name: VMs move to where there is room, if there is");
}

my ($status, $text);

# ---- A trace by hand: 64-bit numbers, VMX's flags in a reason, a number that two VMs had, a beginning that is lost ----
put_file("$work/hand.log", <<'END');
# trace begin 1 tsc_hz 1000000000 pcpus 1
# trace vm 2 from 64 ran 10 first
# trace vm 2 from 800 ran 10 second
# trace exit 21 VM-entry failure: "invalid" guest state
# trace lost 0 7
# trace 0 100 0X2:80000021:ffffffff80000000 100M 100P:300:3
# trace 0 900 0S2:1 100X:ffffffffffffffff 100P:200:4
# trace end
END
my $hand = convert_small("$work/hand.log");
my @hand = map { [@$_{qw(ph name ts)}, $_->{dur} // ''] } grep { $_->{ph} ne 'M' } @$hand;
my $cut = 'VM-entry failure: "invalid" guest state';
is_deeply(\@hand, [['i', $cut, '0', ''], ['X', 'monitor', 0.256, 0.256], ['X', 'first', '0', 0.512],
    ['i', 'exit ffffffffffffffff', 2.304, ''], ['X', 'guest', 2.048, 0.512], ['X', 'second', 2.048, 0.512]],
    'a trace by hand is drawn as it should be') or diag(explain \@hand);

# ---- The same in words, and a piece of a trace without its begin ----
($status, $text) = run("$top/tools/trace --text $work/hand.log");
is($text, <<'END', 'a trace in words');
         0.000 us  pCPU 0  first                VM-entry failure: "invalid" guest state (reason 0x80000021, rip 0xffffffff80000000)
         0.256 us  pCPU 0  first                to its monitor
         0.512 us  pCPU 0  first                its turn ends (ticks 768)
         2.048 us  pCPU 0  second               its turn begins, in guest mode
         2.304 us  pCPU 0  second               exit ffffffffffffffff (reason 0xffffffffffffffff, rip 0x0)
         2.560 us  pCPU 0  second               its turn ends (ticks 512)
END
put_file("$work/piece.log", "# trace 0 900 0S10003:0 100R\n");
ends("$top/tools/trace --text $work/piece.log", 0, 'a piece of a trace in words',
    qr/^ +0\.000 us  pCPU 0  VM 3\.1 +its turn begins, in ring 3\n +0\.256 us  pCPU 0  VM 3\.1 +its monitor enters\n$/);

# ---- Not asked for, or cut --------------------------------------------------------------------------------------
($status, $text) = run("$top/tools/run-qemu --tcg --timeout 120 --config $config --append 'trace=no counters=no' --log $work/no.log");
ok($status == 0 && $text !~ /^# trace |^# VM +exit +count/m, 'the command line switches trace and counters off');
ends("$top/tools/trace $work/no.log", 2, 'tools/trace: no trace', qr/there is no trace in this log/);
my $log = get_file("$work/QEMU1.log");
put_file("$work/cut.log", substr $log, 0, index($log, '# trace end'));
ends("$top/tools/trace $work/cut.log", 2, 'tools/trace: a cut trace', qr/the trace has no end/);
$log =~ s/^(# trace 0 [0-9a-f]+ )/$1zzz /m;
put_file("$work/bad.log", $log);
ends("$top/tools/trace $work/bad.log", 2, 'tools/trace: a bad record', qr/line \d+: no record: zzz/);

# ---- The screen -------------------------------------------------------------------------------------------------

# The rows of the screen, at the end or once the serial line has said something.
sub screen
{
    my (@options) = @_;
    my ($got, $said) = run("$top/tools/run-qemu --tcg --timeout 120 --config $config --screenshot $work/screen.txt @options");
    is($got, 0, "the machine passes: @options") or diag($said);
    return split /\n/, get_file("$work/screen.txt");
}

my @rows = screen("--append screen=table");
like($rows[0], qr/^ Nestor  four traced +SVM, 1 CPU   \d+\.\d s   4 of 4 done $/, 'end: the title');
like($rows[1], qr/^VM +state +CPU +exits  exits\/s  run%  lines tests +$/, 'end: the columns');
like($rows[2], qr/^hello64 +exit 0 +\d+ +\d+ +9 ok  $/, 'end: a VM');
like($rows[5], qr/^spin +running +\d+ .* ok  $/, 'end: a VM in the background');
is($rows[6], '-' x 80, 'end: the rule');
my $lower = join "\n", @rows[7 .. 24];
like($lower, qr/^# the trace goes to the serial line.*\n# All results: .*\n# 4 passed, 0 failed, 0 skipped *\nNESTOR END pass *\n4 of 4 VMs did what they were meant to do\. *$/m,
    'end: the verdict below the table, and no records');
@rows = screen("--screenshot-at 'TSC ticks each'");
like($rows[0], qr/^ Nestor  four traced .* [0-3] of 4 done $/, 'in the middle: not all are done');
ok((grep { /^(hello64|sleep|compute|spin) +(in guest|in monitor|ready|asleep) +0 +\d+/ } @rows[2 .. 5]), 'in the middle: somebody runs');
@rows = screen("--append 'screen=log'");
ok(!(grep { /^ Nestor  four|^VM +state/ } @rows), 'screen=log: no table in place');
ok((grep { /^NESTOR END pass/ } @rows), 'screen=log: the log');

# ---- The table, whenever somebody asks --------------------------------------------------------------------------

put_file("$work/long.conf", "[vm long]\nimage = sleep.elf\nargs = 300\n[vm later]\nimage = hello64.elf\nafter = long\n"
    . "[vm spin]\nimage = spin.elf\nbackground = yes\n");
my (undef, $asked) = run("{ sleep 1; printf '?t'; sleep 1; printf t; sleep 30; } | "
    . qemu("--keys --config $work/long.conf") . ' & wait $!');
my @tables = $asked =~ /^# VM +end .*\n((?:# \S+ +(?:running|waits|exit 0) .*\n)+)/mg;
is(scalar @tables, 3, 'the table comes for each `t`, for nothing else, and at the end') or diag($asked);
like($tables[0] // '', qr/^# long +running .*\n# later +waits .*\n# spin +running .*\n$/, 'it is of that moment');
like($tables[-1] // '', qr/^# long +exit 0 .*\n# later +exit 0 .*\n# spin +running .*\n$/, 'and of the end');

done_testing;
