/* The rows of the families of rules of a VM entry: which there are, and their names. */
#include "guests/tests/entry.h"

#include <stdlib.h>
#include <string.h>

#include "guests/lib/feature/text.h"

static void add_row(struct entry_rows *rows, struct entry_row row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 1024;
        rows->row = realloc(rows->row, rows->room * sizeof *rows->row);
        if (!rows->row)
            abort();
    }
    rows->row[rows->count++] = row;
}

static void add_cases(struct entry_rows *rows, unsigned base, unsigned number, bool near)
{
    unsigned cases = entry_case_count(entry_rule(rows->backend, number), near);

    for (unsigned i = 0; i < cases; i++)
        add_row(rows, (struct entry_row){(uint16_t)number, (uint8_t)base, (uint8_t)i, near});
}

static void add_rules(struct entry_rows *rows, unsigned base)
{
    for (unsigned i = 0; i < entry_rule_count(rows->backend); i++) {
        const struct entry_rule *rule = entry_rule(rows->backend, i);

        if (rule->no_row || !strchr(rows->groups, rule->id[0]) || rule->skip & entry_base(rows->backend, base)->kind)
            continue;
        if (rows->together) {
            add_row(rows, (struct entry_row){.rule = (uint16_t)i, .base = (uint8_t)base});
            continue;
        }
        add_cases(rows, base, i, false);
        add_cases(rows, base, i, true);
    }
}

unsigned entry_rows_count(struct entry_rows *rows)
{
    if (rows->row)
        return rows->count;
    for (unsigned base = rows->first_base; base <= rows->last_base; base++)
        add_rules(rows, base);
    return rows->count;
}

bool entry_row_is_last(const struct entry_rows *rows, unsigned number)
{
    const struct entry_row *row = &rows->row[number];

    return !row->near && entry_rule(rows->backend, row->rule)->loses_host;
}

void entry_label(char label[FEATURE_LABEL], const struct entry_rule *rule, const struct entry_case *c,
                 const struct entry_base *base)
{
    struct text text = text_begin(label, FEATURE_LABEL);

    text_put(&text, "%s.%s.%s%s", rule->id, entry_field_name(rule->field), c && c->near ? "near-" : "", c ? c->label : "all");
    if (base)
        text_put(&text, "-%s", base->name);
}

void entry_row_name(const struct entry_rows *rows, unsigned number, char label[FEATURE_LABEL])
{
    const struct entry_row *row = &rows->row[number];
    const struct entry_rule *rule = entry_rule(rows->backend, row->rule);
    struct entry_case c = entry_case_get(rule, row->near, row->number);

    entry_label(label, rule, rows->together ? NULL : &c, row->base ? entry_base(rows->backend, row->base) : NULL);
}
