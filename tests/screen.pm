# Reads screens of a QEMU that ask() talks to: of VGA text mode out of its memory, of a framebuffer out of its pixels.
package screen;
use strict;
use warnings;
use Exporter 'import';
use kernel_machine;

our @EXPORT = qw(vga_cells pixel_cells rows wait_for_row);

my ($COLUMNS, $ROWS, $WIDTH, $HEIGHT) = (80, 25, 8, 16);

# The colours of VGA text mode, by the text of their pixel: black, blue, green, ...
my @COLORS = map { my ($half, $full) = ($_ >> 3 ? 0x55 : 0, $_ >> 3 ? 0xff : 0xaa);
    $_ == 6 ? pack('C3', 0xaa, 0x55, 0) : pack('C3', map { $_ ? $full : $half } $_ >> 2 & 1, $_ >> 1 & 1, $_ & 1) } 0 .. 15;
my %color = map { $COLORS[$_] => $_ } 0 .. 15;

# Cells are [character, foreground, background]; a character of no colour of its own has the foreground undef.

# The cells of a machine in VGA text mode; or (undef, why not).
sub vga_cells
{
    my $file = "$work/vga";
    unlink $file;
    ask("pmemsave 0xb8000 4000 \"$file\"");
    return (undef, 'the machine is gone') unless -e $file;
    return map { [$_ & 0xff, $_ >> 8 & 15, $_ >> 12 & 7] } unpack 'v*', get_file($file);
}

my %glyph;

# The build's own font: rows of a glyph as bits -> the characters that look like that, the first of them.
sub read_font
{
    my $number = 0;
    for my $line (grep { /^    \{/ } split /\n/, get_file("$build/font/font.c")) {
        $glyph{pack 'C*', map { hex } $line =~ /0x(..)/g} //= $number;
        $number++;
    }
    $glyph{"\0" x $HEIGHT} = ord ' ';
    die "no font" if $number != 256;
}

# The cells of a machine with a framebuffer, in which the text is `scale` times as large as the font; or (undef, why not)
# where the pixels make no such text.
sub pixel_cells
{
    my ($scale) = @_;
    read_font() if !%glyph;
    my $file = "$work/screen.ppm";
    unlink $file;
    ask("screendump \"$file\"");
    return (undef, 'the machine is gone') unless -e $file;
    my $ppm = get_file($file);
    $ppm =~ s/^P6\s+(\d+)\s+(\d+)\s+255\s// or return (undef, 'no picture');
    my ($width, $height) = ($1, $2);
    my ($left, $top) = (int(($width - 640 * $scale) / 2), int(($height - 400 * $scale) / 2));
    return (undef, "$width x $height is too small") if $left < 0 || $top < 0;
    my @lines = unpack "(a@{[3 * $width]})*", $ppm;
    my $black = "\0" x (3 * $width);
    $lines[$_] eq $black or return (undef, "line $_ is not black") for 0 .. $top - 1, $top + 400 * $scale .. $height - 1;

    # Lines of single pixels, of which the others must be copies.
    my @small;
    for my $y (0 .. 399) {
        my @same = @lines[$top + $y * $scale .. $top + ($y + 1) * $scale - 1];
        return (undef, "line $y is not $scale times the same") if grep { $_ ne $same[0] } @same;
        my @pixels = unpack '(a3)*', substr $same[0], 3 * $left, 3 * 640 * $scale;
        push @small, [@pixels[map { $_ * $scale } 0 .. 639]];
    }
    my @cells;
    for my $cell (0 .. $ROWS * $COLUMNS - 1) {
        my ($x, $y) = ($cell % $COLUMNS * $WIDTH, int($cell / $COLUMNS) * $HEIGHT);
        my %seen = map { $_ => 1 } map { @$_[$x .. $x + 7] } @small[$y .. $y + $HEIGHT - 1];
        return (undef, "cell $cell has colours of its own") if keys %seen > 2 || grep { !defined $color{$_} } keys %seen;
        my ($found);
        for my $paper (keys %seen) {
            my $bits = pack 'C*', map { my $line = $_; oct '0b' . join '', map { $_ eq $paper ? 0 : 1 } @$line[$x .. $x + 7] }
                @small[$y .. $y + $HEIGHT - 1];
            my ($ink) = grep { $_ ne $paper } keys %seen;
            $found //= [$glyph{$bits}, defined $ink ? $color{$ink} : undef, $color{$paper}] if defined $glyph{$bits};
        }
        return (undef, "cell $cell has no character of the font") if !$found;
        push @cells, $found;
    }
    return @cells;
}

# Cells as 25 rows of text without blanks at their ends; a cell with a green or red background is '#' or '@', a line '-'.
sub rows
{
    my @cells = @_;
    my @text = map { $_->[2] == 2 ? '#' : $_->[2] == 4 ? '@' : $_->[0] == 0xc4 ? '-' : chr $_->[0] } @cells;
    return map { join('', @text[$_ * $COLUMNS .. ($_ + 1) * $COLUMNS - 1]) =~ s/ +$//r } 0 .. $ROWS - 1;
}

# Reads the screen by a function until a row is like this, or for a minute; -> its rows.
sub wait_for_row
{
    my ($pattern, $read) = @_;
    my ($end, @rows) = (time + 60);
    while (time < $end) {
        my @cells = $read->();
        @rows = defined $cells[0] ? rows(@cells) : $cells[1];
        return @rows if grep { /$pattern/ } @rows;
        select undef, undef, undef, 0.2;
    }
    return @rows;
}

1;
