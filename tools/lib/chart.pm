# Charts as inline SVG, in the page's colours.
package chart;
use strict;
use warnings;
use Exporter 'import';
use List::Util qw(max min sum);
use markup qw(markup_escape markup_number markup_tag);

our @EXPORT_OK = qw(chart_costs chart_timeline);

use constant {WIDTH => 1060, LEFT => 170, RIGHT => 20, ROW => 24, COLORS => 4};

sub legend
{
    my (@names) = @_;
    return markup_tag('div.legend', map { markup_tag('span', markup_tag('i.f' . $_ % COLORS), markup_escape($names[$_])) }
        0 .. $#names) . "\n";
}

sub svg
{
    my ($height, @parts) = @_;
    return '<svg viewBox="0 0 ' . WIDTH . " $height\" role=\"img\">\n" . join('', @parts) . "</svg>\n";
}

sub label
{
    my ($x, $y, $text, $more) = @_;
    return sprintf "<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>\n", $x, $y, $more // '', markup_escape($text);
}

sub line
{
    my ($class, $x1, $y1, $x2, $y2) = @_;
    return sprintf "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", $class, $x1, $y1, $x2, $y2;
}

sub point
{
    my ($color, $x, $y, $title) = @_;
    return sprintf "<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"5.5\"><title>%s</title></circle>\n",
        $color % COLORS, $x, $y, markup_escape($title);
}

# 3 significant digits, with commas where there are more before the point.
sub figure
{
    my ($value) = @_;
    return $value >= 100 ? markup_number(sprintf '%.0f', $value) : sprintf '%.3g', $value;
}

# Events on a logarithmic scale, a point for each series: [name, {event => value}, {event => ratio, or undef}].
sub chart_costs
{
    my ($unit, $events, @series) = @_;
    my @values = grep { $_ > 0 } map { values %{$_->[1]} } @series;
    return '' if !@values;
    my ($low, $high) = (int(log(min(@values)) / log 10), int(log(max(@values)) / log(10) - 1e-9) + 1);
    my $room = max(WIDTH / 3, WIDTH - LEFT - RIGHT - 80 * @series - 40); # the rest: figures
    my $x = sub { return LEFT + $room * (log($_[0]) / log(10) - $low) / ($high - $low) };
    my $bottom = ROW * @$events + 8;
    my @parts;

    for my $power ($low .. $high) {
        push @parts, line('grid', $x->(10 ** $power), 4, $x->(10 ** $power), $bottom),
            label($x->(10 ** $power), $bottom + 16, figure(10 ** $power), ' class="soft" text-anchor="middle"');
    }
    for my $i (0 .. $#$events) {
        my $y = ROW * $i + 18;
        my @here = grep { defined $series[$_][1]{$events->[$i]} } 0 .. $#series;
        my @costs = map { $series[$_][1]{$events->[$i]} } @here;
        my @ratios = map { my $ratio = $series[$_][2]{$events->[$i]}; defined $ratio ? ' (' . figure($ratio) . ')' : '' } @here;
        my $end = max(map { $x->($_) } @costs);

        push @parts, label(LEFT - 12, $y + 4, $events->[$i], ' text-anchor="end"'), line('base', LEFT, $y, $end, $y);
        push @parts, point($here[$_], $x->($costs[$_]), $y, "$series[$here[$_]][0]: " . figure($costs[$_])) for 0 .. $#here;
        my $figures = join ' / ', map { figure($costs[$_]) . $ratios[$_] } 0 .. $#here;
        push @parts, label($end + 12, $y + 4, $figures, ' class="soft"');
    }
    return legend(map { $_->[0] } @series) . svg($bottom + 24, @parts) .
        '<p class="soft">' . markup_escape($unit) . '; the scale is logarithmic.</p>';
}

# ---- The timeline -------------------------------------------------------------------------------------------------

use constant {BINS => 440, SHADES => 4, TRACKS => 24};

# Turns -> {name: [share of each pCPU, by bin]}; times in microseconds.
sub shares
{
    my ($from, $width, @turns) = @_;
    my %share;
    for my $turn (@turns) {
        my ($start, $end) = map { ($_ - $from) / $width } $turn->{ts}, $turn->{ts} + $turn->{dur};
        for my $bin (int $start .. min(int $end, BINS - 1)) {
            my $part = min($end, $bin + 1) - max($start, $bin);
            $share{$turn->{name}}[$bin][$turn->{tid}] += $part if $part > 0;
        }
    }
    return \%share;
}

# One track: a rectangle for each run of bins alike in pCPU and shade.
sub track
{
    my ($y, $bin_width, $bins) = @_;
    my ($parts, $start, $is) = ('', 0, '');
    for my $bin (0 .. BINS) {
        my $cpus = $bin < BINS ? $bins->[$bin] // [] : [];
        my ($most) = sort { ($cpus->[$b] // 0) <=> ($cpus->[$a] // 0) } 0 .. $#$cpus;
        my $shade = defined $most ? min(SHADES, 1 + int(SHADES * $cpus->[$most] * .999)) : 0;
        my $now = $shade ? "$most $shade" : '';
        next if $now eq $is;
        if ($is ne '') {
            my ($cpu, $dark) = split ' ', $is;
            $parts .= sprintf "<rect class=\"f%d\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"14\" opacity=\"%.2f\"/>\n",
                $cpu % COLORS, LEFT + $start * $bin_width, $y - 10, ($bin - $start) * $bin_width, .25 + .75 * $dark / SHADES;
        }
        ($start, $is) = ($bin, $now);
    }
    return $parts;
}

# The next 1, 2 or 5 with zeros.
sub round_step
{
    my ($least) = @_;
    my $power = 10 ** int(log($least > 1 ? $least : 1) / log 10);
    return (grep { $_ >= $least } map { $_ * $power } 1, 2, 5, 10)[0];
}

# The events of tools/trace -> who ran when: a track for each VM, coloured by pCPU, the darker the more of the time.
sub chart_timeline
{
    my ($events) = @_;
    my @turns = grep { $_->{ph} eq 'X' && ($_->{cat} // '') eq 'turn' } @$events;
    return '' if !@turns;
    my ($from, $to) = (min(map { $_->{ts} } @turns), max(map { $_->{ts} + $_->{dur} } @turns));
    my $share = shares($from, ($to - $from) / BINS, @turns);
    my %first;
    $first{$_->{name}} //= $_->{ts} for sort { $a->{ts} <=> $b->{ts} } @turns;
    my @names = sort { $first{$a} <=> $first{$b} || $a cmp $b } keys %first;
    my @shown = splice @names, 0, TRACKS;
    my $bin_width = (WIDTH - LEFT - RIGHT) / BINS;
    my $bottom = ROW * @shown + 4;
    my @parts;

    my $step = round_step(($to - $from) / 6);
    for (my $at = 0; $at <= $to - $from; $at += $step) {
        my $x = LEFT + (WIDTH - LEFT - RIGHT) * $at / ($to - $from);
        push @parts, line('grid', $x, 2, $x, $bottom),
            label($x, $bottom + 16, ($at ? figure($at / 1000) : 0) . ' ms', ' class="soft" text-anchor="middle"');
    }
    for my $i (0 .. $#shown) {
        my $y = ROW * $i + 16;
        push @parts, label(LEFT - 12, $y + 2, $shown[$i], ' text-anchor="end"');
        push @parts, track($y, $bin_width, $share->{$shown[$i]});
    }
    my $pcpus = max(map { $_->{tid} } @turns);
    return legend(map { "pCPU $_" } 0 .. $pcpus) . svg($bottom + 24, @parts) .
        (@names ? '<p class="soft">' . scalar(@names) . " more began later.</p>\n" : '');
}

1;
