# Reads what a machine printed on its serial line, whole or not: for the tools that tell others of it. It takes what it
# can understand, and says what is missing; whether a machine prints what it should is tests/ktap.pm's business.
package results;
use strict;
use warnings;
use Exporter 'import';
use File::Basename;

our @EXPORT_OK = qw(results_bytes results_text results_read results_sum results_names results_verdicts results_usage);

# What can have come of a row, the worst first. `killer`: it ran when the machine died; `lost`: nobody will know.
my @VERDICTS = qw(killer fail error timeout lost xfail skip pass);

sub results_verdicts { return @VERDICTS }

# ---- The lines ----------------------------------------------------------------------------------------------------

# LAVA's log: a line for each line of the machine, and for what LAVA itself has to say. It puts a \ before quotes twice.
sub machine_lines
{
    my ($text) = @_;
    return $text if $text !~ /^- \{"dt": .*"lvl": "target"/m;
    my @lines = map { /"lvl": "target".*?"msg": "((?:[^"\\]|\\.)*)"/ ? $1 : () } split /\n/, $text;
    s/\\(?:x[0-9A-F]{2}|u[0-9A-F]{4}|(.))/$1 \/\/ ''/ge for @lines;
    return join '', map { s/\\"/"/gr . "\n" } @lines;
}

# Loggers of some labs put the time before each line: [...]
sub without_times
{
    my ($text) = @_;
    return $text if $text =~ /^NESTOR BEGIN$/m || $text !~ /^\[[^\]\n]*\] ?NESTOR BEGIN$/m;
    return $text =~ s/^\[[^\]\n]*\] ?//mgr;
}

# Serial lines carry more than text: carriage returns, colours of firmware and boot loader, a byte or two of noise.
sub clean
{
    my ($text) = @_;
    $text =~ s/\e(?:\[[0-9;?]*[ -\/]*[@-~]|[()].|[@-Z=>])//g;
    $text =~ s/[^\n\t -~]//g;
    return $text;
}

# What a file has ("-": standard input). Dies with one line if it cannot be read.
sub results_bytes
{
    my ($file) = @_;
    my $in = \*STDIN;
    if ($file ne '-') {
        undef $in;
        open $in, '<:raw', $file or die "$file: $!\n";
        die "$file: Is a directory\n" if -d $in;
    }
    local $/;
    return <$in> // '';
}

# The machine's own lines, out of what somebody has kept of them.
sub results_text { return without_times(clean(machine_lines($_[0]))) }

# -> the lines before the document, in it and behind it, and the word of NESTOR END. Of several boots, the last.
sub split_log
{
    my ($text) = @_;
    my $boots = () = $text =~ /^NESTOR BEGIN$/mg;
    my $begin = rindex "\n$text", "\nNESTOR BEGIN\n";

    return {boots => 0, before => $text, in => '', after => ''} if $begin < 0;
    my ($before, $in, $after) = (substr($text, 0, $begin), substr($text, $begin + length "NESTOR BEGIN\n"), '');
    my ($word) = $in =~ /^NESTOR END (\S+)$/m;
    ($in, $after) = $in =~ /\A(.*?)^NESTOR END \S+\n?(.*)\z/ms if defined $word;
    return {boots => $boots, before => $before, in => $in, after => $after, end => $word};
}

# The columns at which values stand: of what is said in words, and of capability registers by their names.
use constant {WORDS => 12, REGISTERS => 16};

# What stands between the line `Nestor` (or `Machine ...`, on port E9H) and the document: [name, value, whether it is a
# register], in their order; lists go on in indented lines.
sub read_passport
{
    my ($before, $begun) = @_;
    my ($last) = $before =~ /.*^(Machine {5}.*)\z/ms;
    my @pairs;

    ($last) = $before =~ /.*^Nestor\n(.*)\z/ms or return if !defined $last;

    for (split /\n/, $last) {
        my ($name, $blanks, $value) = /^([A-Z]\S*(?: [a-z]\S*)?)( +)(\S.*?) *$/;
        my $column = defined $name ? length "$name$blanks" : 0;
        if ($column == WORDS || $column == REGISTERS) {
            push @pairs, [$name, $value, $column == REGISTERS ? 1 : 0];
        } elsif (@pairs && /^( +)(\S.*?) *$/ && length $1 == ($pairs[-1][2] ? REGISTERS : WORDS)) {
            $pairs[-1][1] .= " $2";
        } elsif (/\S/ && $begun) {
            push @pairs, ['', $_, 0];
        }
    }
    return \@pairs;
}

# ---- KTAP ---------------------------------------------------------------------------------------------------------

# What stands behind " # " in a result, in guests/lib/feature's words: the verdict, and why.
sub read_verdict
{
    my ($not, $why) = @_;
    return ('skip', $1 // '') if $why =~ /^SKIP\b ?(?:\w+\.c:\d+: )?(.*)/;
    return ('pass', $why) if !$not;
    return ('xfail', $1) if $why =~ /^XFAIL ?(.*)/;
    return ('error', $1) if $why =~ /^ERROR ?(.*)/;
    return ('timeout', $1) if $why =~ /^TIMEOUT ?(.*)/;
    return ('fail', $why);
}

# A row: {id, verdict, why, not_run, notes: the diagnostics right before it}, of which one is why, if nothing else is.
sub make_row
{
    my ($not, $rest, @notes) = @_;
    my ($id, $why) = $rest =~ /^(.*?)(?: # (.*))?$/;
    my ($verdict, $text) = read_verdict($not, $why // '');
    my $not_run = $verdict eq 'xfail' && $text =~ s/^not run: //;

    $text = $notes[-1] if $not && $text eq '' && @notes;
    return {id => $id, verdict => $verdict, why => $text, not_run => $not_run ? 1 : 0, notes => \@notes};
}

sub vm_of
{
    my ($doc, $name) = @_;
    if (!$doc->{vm}{$name}) {
        $doc->{vm}{$name} = {name => $name, rows => [], printed => [], begun => [], done => 0};
        push @{$doc->{vms}}, $doc->{vm}{$name};
    }
    return $doc->{vm}{$name};
}

# One top-level comment: a name before it runs, what a VM printed, a line of the table, of the costs, of the sums.
sub read_comment
{
    my ($doc, $line) = @_;
    if ($line =~ /^# (\S+)> (\S+)$/) {
        push @{vm_of($doc, $1)->{begun}}, $2;
        $doc->{last_begun} = [$1, $2];
    } elsif ($line =~ /^# trace (begin|end)\b/) {
        $doc->{trace} = $1 eq 'end';
    } elsif ($line =~ /^# trace /) {
        return;
    } elsif ($line =~ /^# cost: unit (\w+)$/) {
        $doc->{unit} = $1;
    } elsif ($line =~ /^# cost: (\S+) +([\d.]+) +([\d.]+)(?: +([\d.]+))?/) {
        push @{$doc->{costs}}, {name => $1, min => $2, median => $3, ratio => $4};
    } elsif ($line =~ /^# (\S+): (.*)$/) {
        push @{vm_of($doc, $1)->{printed}}, $2 if $1 ne 'All results';
    } elsif ($line =~ /^# (\S+) +\S+(?: -?\d+)?(?: +\d+){4} +([\d.]+)$/ && $doc->{vm}{$1}) {
        $doc->{vm}{$1}{ms} = $2;
    }
}

sub read_document
{
    my ($doc, $in, $whole) = @_;
    my @lines = split /\n/, $in;
    my ($vm, @notes);

    pop @lines if @lines && !$whole && $in !~ /\n\z/; # cut in the middle
    for my $line (@lines) {
        if ($line =~ /^    # Subtest: (\S+)$/) {
            $vm = vm_of($doc, $1);
            @notes = ();
        } elsif ($line =~ /^    # (.*)$/) {
            push @notes, $1;
        } elsif ($line =~ /^    (not )?ok \d+ (.*)$/) {
            push @{$vm->{rows}}, make_row($1, $2, splice @notes) if $vm;
        } elsif ($line =~ /^(not )?ok \d+ (\S+)(?: # (.*))?$/) {
            my $done = vm_of($doc, $2);
            @$done{qw(done ok skip)} = (1, !$1, ($3 // '') =~ /^SKIP/ ? 1 : 0);
            undef $vm;
        } elsif ($line =~ /^1\.\.(\d+)$/) {
            $doc->{plan} = $1;
        } elsif ($line =~ /^# /) {
            read_comment($doc, $line);
        }
    }
}

# ---- A machine that died ------------------------------------------------------------------------------------------

# Rows are printed when their VM has ended, their names before they run: of a VM that has not ended, only names are
# known. The name that came last is most likely the killer's; those that ran beside it are `lost`, like those before.
sub read_death
{
    my ($doc) = @_;
    my ($suspect, $test) = @{$doc->{last_begun} // ['', '']};

    for my $vm (grep { !$_->{done} } @{$doc->{vms}}) {
        my %known = map { ($_->{id} => 1) } @{$vm->{rows}};
        my $last = $vm->{begun}[-1] // '';
        for my $id (grep { !$known{$_}++ } @{$vm->{begun}}) {
            my $killer = $vm->{name} eq $suspect && $id eq $test;
            my $why = $killer ? 'the machine died while this test ran'
                : $id eq $last ? 'ran when the machine died' : 'its result was lost when the machine died';
            my $verdict = $killer ? 'killer' : 'lost';
            push @{$vm->{rows}}, {id => $id, verdict => $verdict, why => $why, not_run => 0, notes => []};
            $doc->{killer} = {vm => $vm->{name}, id => $id} if $killer;
        }
    }
}

sub describe_death
{
    my ($doc, $parts) = @_;
    my ($panic) = "$parts->{in}\n$parts->{before}" =~ /^(Nestor panic: .*)$/m;
    my ($timeout) = "$parts->{in}\n$parts->{before}" =~ /^run-\w+: (no end after \d+ s)$/m;
    my @last = grep { /\S/ } split /\n/, $parts->{boots} ? $parts->{in} : $parts->{before};

    return $panic // $timeout if defined($panic // $timeout);
    return 'the machine did not begin' . (@last ? "; the last line is: $last[-1]" : '') if !$parts->{boots};
    return 'the log ends in the middle: the machine died or was stopped, or the line was cut';
}

# ---- The whole ----------------------------------------------------------------------------------------------------

# What a platform is called, as its passport has it: who emulates, or bare; the CPU where that says more; the back end.
sub platform_name
{
    my ($doc) = @_;
    my %is = map { ($_->[0] => $_->[1]) } reverse @{$doc->{passport}};
    my ($under, $cpu, $backend) = map { $is{$_} // '' } 'Hypervisor', 'CPU', 'Back end';

    $under = $under =~ /^unknown, it says "(.*)"/ ? $1 : $under;
    $under = ($is{Machine} // '') =~ /^bochs\b/i ? 'Bochs' : 'bare' if $under =~ /^none\b/;
    $cpu =~ s/\((?:R|TM)\)//g;
    $cpu =~ s/ *(?:CPU)? *@.*//;
    $cpu =~ s/ (?:\S+-Core )?Processor\b.*//;
    $cpu =~ s/^(?:\d+th Gen )?(?:Intel (?:Core |Xeon )?|AMD )//;
    $cpu = '' if $cpu =~ /^\Q$under\E\b/;
    my $name = join ' ', grep { $_ ne '' } $under, $cpu, $backend;
    return $name =~ s/ {2,}/ /gr || basename($doc->{file}) =~ s/\.\w+$//r;
}

# -> {file, name, passport, config, verdict (pass, fail, none), death (why there is no verdict), killer {vm, id},
#     plan (VMs that there should be), vms: [{name, done, ok, skip, rows, printed, begun, ms}], costs: [{name, min, median,
#     ratio}], unit (theirs), trace, boots, tail, bytes}
# Dies with one line if the file cannot be read, or has nothing of Nestor's in it.
sub results_read
{
    my ($file) = @_;
    my $bytes = results_bytes($file);
    my $parts = split_log(results_text($bytes));
    my $passport = read_passport($parts->{before}, $parts->{boots});
    my $doc = {file => $file, passport => $passport // [], vms => [], vm => {}, costs => [],
        boots => $parts->{boots}, unit => '', bytes => $bytes};

    die "$file: no log of Nestor's: it has no passport and no line `NESTOR BEGIN`\n"
        if !$passport && !$parts->{boots};
    read_document($doc, $parts->{in}, defined $parts->{end});
    $doc->{verdict} = ($parts->{end} // '') =~ /^(pass|fail)$/ ? $1 : 'none';
    $doc->{death} = describe_death($doc, $parts) if $doc->{verdict} eq 'none';
    read_death($doc) if $doc->{verdict} eq 'none';
    $doc->{name} = platform_name($doc);
    ($doc->{config}) = map { $_->[1] } grep { $_->[0] eq 'Config' } @{$doc->{passport}};
    my @tail = grep { !/^# trace / } split /\n/, $parts->{boots} ? $parts->{in} : $parts->{before};
    $doc->{tail} = [splice @tail, @tail > 40 ? -40 : 0];
    return $doc;
}

# {verdict: number of rows} of some VMs.
sub results_sum
{
    my (@vms) = @_;
    my %sum = map { ($_ => 0) } @VERDICTS, 'all';
    for my $row (map { @{$_->{rows}} } @vms) {
        $sum{$row->{verdict}}++;
        $sum{all}++;
    }
    return \%sum;
}

# Gives each log a name of its own: where two platforms are called the same, the file's name goes along.
sub results_names
{
    my (@docs) = @_;
    my %seen;
    $seen{$_->{name}}++ for @docs;
    $_->{name} .= ' (' . basename($_->{file}) =~ s/\.\w+$//r . ')' for grep { $seen{$_->{name}} > 1 } @docs;
}

# `--help` on standard output and status 0; anything else that is wrong with the arguments, on standard error and 2.
sub results_usage
{
    my ($usage, $help, $complaint) = @_;
    if ($help) {
        print $usage;
        exit 0;
    }
    print STDERR $complaint ? "$complaint\n" : '', $usage;
    exit 2;
}

1;
