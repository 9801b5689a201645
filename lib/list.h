/* Intrusive doubly linked list with a head. A node that is in no list points at itself. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l) { l->next = l->prev = l; }

static inline bool list_is_empty(const struct list *l) { return l->next == l; }

/* Inserts `node` before `at`: with a list head for `at`, as its last node. */
static inline void list_insert_before(struct list *at, struct list *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node) { list_insert_before(head, node); }

static inline void list_push_front(struct list *head, struct list *node) { list_insert_before(head->next, node); }

/* Takes the node out of its list; does nothing for one that is in none. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
