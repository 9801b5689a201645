#!/usr/bin/perl
# What is seen of a run: the trace and its picture, the counters, the live screen, in both emulators.
use strict;
use warnings;
use Fcntl;
use FindBin;
use IPC::Open2;
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
        for my $exit (@exits[grep { $_ % 7 == 0 } 0 .. $#exits]) { # a pCPU may have none
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

# Types keys, each some seconds after the one before, into what follows. Dots mean nothing, but find out when that is gone.
sub typing
{
    my @keys = @_;
    return '{ ' . join('', map { "sleep $keys[2 * $_ + 1]; printf '$keys[2 * $_]'; " } 0 .. $#keys / 2) . 'while sleep 0.5; do printf .; done; } 2>&- | ';
}

put_file("$work/long.conf", "[vm long]\nimage = sleep.elf\nargs = 300\n[vm later]\nimage = hello64.elf\nafter = long\n"
    . "[vm spin]\nimage = spin.elf\nbackground = yes\n");
my (undef, $asked) = run(typing('?t', 1, 't', 1) . qemu("--keys --config $work/long.conf"));
my @tables = $asked =~ /^# VM +end .*\n((?:# \S+ +(?:running|waits|exit 0) .*\n)+)/mg;
is(scalar @tables, 3, 'the table comes for each `t`, for nothing else, and at the end') or diag($asked);
like($tables[0] // '', qr/^# long +running .*\n# later +waits .*\n# spin +running .*\n$/, 'it is of that moment');
like($tables[-1] // '', qr/^# long +exit 0 .*\n# later +exit 0 .*\n# spin +running .*\n$/, 'and of the end');

# ---- Each vCPU, whenever somebody asks --------------------------------------------------------------------------

# The guests that a dump is asked of: one sleeps in 64-bit mode, one spins in 32-bit mode with interrupts off and never starts its
# second vCPU, one is in HLT.
put_file("$work/dump.conf", "[machine]\ntimeout = 600\n[vm halted]\nimage = idle.bin\nkind = flat16\nbackground = yes\n"
    . "[vm spin]\nimage = spin.elf\nvcpus = 2\nbackground = yes\n[vm long]\nimage = sleep.elf\nargs = 300\n");

# Whether a log has all that belongs to a dump, with this vendor's words: the kernel's line, and the monitor's four.
sub check_dump
{
    my ($name, $said, $hlt, $details) = @_;
    my $hex = qr/0x[0-9a-f]+/;
    my @expected = (
        qr/^# long: vCPU 0, (?:asleep|ready|in guest|in monitor), CPU \d+, \d+ exits, the last one \S.* at RIP $hex$/m,
        qr/^# spin: vCPU 0, (?:ready|in guest|in monitor), CPU \d+, \d+ exits, the last one \S.* at RIP $hex$/m,
        qr/^# halted: vCPU 0, asleep, CPU \d+, \d+ exits, the last one $hlt at RIP 0x7c[0-9a-f]+$/m,
        qr/^# spin: vCPU 1, new, CPU \d+, no exit yet$/m,
        qr/^# long: vCPU 0, RIP $hex, RSP $hex, CS selector 0x8, SS selector 0x10, RFLAGS $hex( \(.*\))?$/m,
        qr/^# long: vCPU 0, CR0 0x80010033 \(PE MP ET NE WP PG\), CR3 $hex, CR4 $hex \(PAE OSFXSR OSXMMEXCPT.*\), EFER $hex \(LME LMA.*\)$/m,
        qr/^# long: vCPU 0, last exit to its monitor \S+ \($hex\) at RIP $hex$details$/m,
        qr/^# spin: vCPU 0, RIP 0x10[0-9a-f]{3}, RSP $hex, CS selector 0x8, SS selector 0x10, RFLAGS $hex(?!.*\bIF\b)/m,
        qr/^# spin: vCPU 0, no interrupt waits$/m,
        qr/^# halted: vCPU 0, RIP 0x7c[0-9a-f]+, RSP $hex, CS selector 0x0, SS selector 0x0, RFLAGS $hex \(.*\bIF\)$/m,
        qr/^# halted: vCPU 0, no exit has come to its monitor$/m,
        qr/^# halted: vCPU 0, no interrupt waits, in HLT$/m,
    );
    my @missing = grep { $said !~ $_ } @expected;
    ok(!@missing, "$name: `d` shows each vCPU") or diag("@missing\n$said");
}

# What the machine says on its serial line, up to the verdict; once its guests are at work, a `d` is typed.
sub converse
{
    my ($from, $to) = @_;
    my ($heard, $typed) = ('', 0);
    local $SIG{ALRM} = sub { die "the serial line is silent after: $heard" };
    alarm 200;
    while ($heard !~ /^NESTOR END \w+\n/m && sysread $from, my $part, 4096) {
        $heard .= $part =~ s/\r//gr;
        syswrite $to, 'd' if !$typed && $heard =~ /TSC ticks each$/m && $heard =~ /counting at \S+$/m && ($typed = 1);
    }
    alarm 0;
    return $heard;
}

sub converse_with_qemu
{
    my (@options) = @_;
    my $machine = open2(my $from, my $to, qemu("--keys @options 2>&1"));
    my $heard = converse($from, $to);
    close $to;
    1 while sysread $from, $heard, 4096, length $heard;
    waitpid $machine, 0;
    return $heard;
}

my $dumped = converse_with_qemu("--config $work/dump.conf");
check_dump('QEMU', $dumped, 'VMEXIT_HLT', qr/, EXITINFO1 0x[0-9a-f]+, EXITINFO2 0x[0-9a-f]+/);
like($dumped, qr/^ok \d long\n.*^NESTOR END pass$/ms, 'QEMU: and they go on');
is(scalar(() = $dumped =~ /^# long: vCPU 0, CR0/mg), 1, 'QEMU: once for each `d`');

# Bochs's serial line is a terminal for this.
sysopen my $terminal, '/dev/ptmx', O_RDWR | O_NOCTTY or die "/dev/ptmx: $!";
my ($TIOCSPTLCK, $TIOCGPTN, $number) = (0x40045431, 0x80045430, pack 'i', 0);
ioctl $terminal, $TIOCSPTLCK, $number or die "TIOCSPTLCK: $!";
ioctl $terminal, $TIOCGPTN, $number or die "TIOCGPTN: $!";
my $line = '/dev/pts/' . unpack 'i', $number;
sysopen my $other_end, $line, O_RDWR | O_NOCTTY or die "$line: $!";
system 'stty', '-F', $line, 'raw', '-echo';
my $machine = fork // die "fork: $!";
if (!$machine) {
    open STDOUT, '>', "$work/bochs.out";
    open STDERR, '>&', \*STDOUT;
    exec "$top/tools/run-bochs", '--timeout', 200, '--config', "$work/dump.conf", '--bochs-option', "com1: enabled=1, mode=term, dev=$line";
}
my $heard = converse($terminal, $terminal);
kill 'TERM', $machine;
waitpid $machine, 0;
check_dump('Bochs', $heard, 'HLT', qr/(, qualification 0x[0-9a-f]+)?/);
like($heard, qr/^ok \d long\n.*^NESTOR END pass$/ms, 'Bochs: and they go on');

# A VM that is to be saved later: it goes on, and is saved once, at its time.
put_file("$work/save.conf", "[vm kept]\nimage = sleep.elf\nargs = 600\nsave = 2500\n[vm spin]\nimage = spin.elf\nbackground = yes\n");
my $kept = converse_with_qemu("--states $work --config $work/save.conf");
like($kept, qr/^# kept: vCPU 0, CR0 .*^ok \d kept\n.*^NESTOR END pass$/ms, 'a VM that is asked before it is saved');
is(scalar(() = $kept =~ /^# (?=.*\bkept\b).*\bsaved\b/mg), 1, 'is saved once') or diag($kept);

done_testing;
