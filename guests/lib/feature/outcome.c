#include "guests/lib/feature/outcome.h"

#include <string.h>

struct outcome outcome;
void (*outcome_context)(struct text *text);
void (*outcome_leave)(void);
void (*outcome_tell)(const char *label);

static const char *const relations[] = {
    [RELATION_EQ] = "", [RELATION_NE] = "not ", [RELATION_LT] = "below ",
    [RELATION_LE] = "at most ", [RELATION_GT] = "above ", [RELATION_GE] = "at least ",
};

void outcome_begin(void) { outcome = (struct outcome){.verdict = VERDICT_PASS}; }

/* Whether the row's verdict is now this one, and `text` where its reason goes. */
static bool take(enum verdict verdict, const char *file, unsigned line, struct text *text)
{
    const char *slash = file ? strrchr(file, '/') : NULL;

    if (verdict <= outcome.verdict)
        return false;
    outcome.verdict = verdict;
    *text = text_begin(outcome.why, sizeof outcome.why);
    if (file)
        text_put(text, "%s:%u: ", slash ? slash + 1 : file, line);
    return true;
}

static void put_context(struct text *text)
{
    if (outcome_context)
        outcome_context(text);
}

void outcome_worsen(enum verdict verdict, const char *file, unsigned line, const char *format, ...)
{
    struct text text;
    va_list args;

    if (!take(verdict, file, line, &text))
        return;
    va_start(args, format);
    text_put_list(&text, format, args);
    va_end(args);
}

void outcome_end(enum verdict verdict, const char *file, unsigned line, const char *format, ...)
{
    struct text text;
    va_list args;

    if (take(verdict, file, line, &text)) {
        va_start(args, format);
        text_put_list(&text, format, args);
        va_end(args);
    }
    outcome_leave();
    __builtin_unreachable();
}

void outcome_fail(const char *file, unsigned line, const char *format, ...)
{
    struct text text;
    va_list args;

    outcome.expectations++;
    outcome.failures++;
    if (!take(VERDICT_FAIL, file, line, &text))
        return;
    va_start(args, format);
    text_put_list(&text, format, args);
    va_end(args);
    put_context(&text);
}

bool outcome_expect(bool held, const char *what, const char *file, unsigned line)
{
    outcome.expectations++;
    if (held)
        return true;
    outcome.expectations--;
    outcome_fail(file, line, "not so: %s", what);
    return false;
}

bool outcome_compare(enum relation relation, uint64_t got, uint64_t expected, const char *what, const char *file,
                     unsigned line)
{
    const bool held[] = {
        [RELATION_EQ] = got == expected, [RELATION_NE] = got != expected, [RELATION_LT] = got < expected,
        [RELATION_LE] = got <= expected, [RELATION_GT] = got > expected,  [RELATION_GE] = got >= expected,
    };

    if (held[relation]) {
        outcome.expectations++;
        return true;
    }
    outcome_fail(file, line, "%s is 0x%llx, expected %s0x%llx", what, (unsigned long long)got, relations[relation],
                 (unsigned long long)expected);
    return false;
}

size_t outcome_line(const char *id, char *line, size_t room)
{
    static const char *const directives[] = {
        [VERDICT_SKIP] = "SKIP ", [VERDICT_ERROR] = "ERROR ", [VERDICT_FAIL] = "", [VERDICT_TIMEOUT] = "TIMEOUT ",
    };
    struct text text = text_begin(line, room);

    if (outcome.verdict == VERDICT_PASS && outcome.expectations == 0)
        outcome_worsen(VERDICT_ERROR, NULL, 0, "the test expected nothing");
    text_put(&text, "%s %s", outcome.verdict <= VERDICT_SKIP ? "ok" : "not ok", id);
    if (outcome.verdict != VERDICT_PASS)
        text_put(&text, " # %s%s", directives[outcome.verdict], outcome.why);
    if (outcome.failures > 1)
        text_put(&text, " (and %u more)", outcome.failures - 1);
    return text.used;
}
