/*
 * Intrusive pairing heap: a queue that gives the node with the smallest key, and of equal keys the one that was
 * inserted first. The kernel's timer queue. A heap and a node of all zeros are an empty heap and a node in none.
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    uint64_t key;               /* set by the owner while the node is in no heap */
    uint64_t order;             /* the heap's count of insertions when this one came */
    struct heap_node *child;    /* first of the children, none of which comes before this node */
    struct heap_node *sibling;  /* next child of the same parent */
    struct heap_node *previous; /* sibling before, or parent of a first child, or itself at the root; NULL: in none */
};

struct heap {
    struct heap_node *root;
    uint64_t inserted;
};

/* Inserts a node, which must be in no heap, under its key. Constant time. */
void heap_insert(struct heap *heap, struct heap_node *node);

/* Takes any node out of its heap; does nothing for one that is in none. O(log n) amortised. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node that is next, which stays in the heap; NULL when the heap is empty. */
static inline struct heap_node *heap_first(const struct heap *heap) { return heap->root; }

static inline bool heap_node_is_queued(const struct heap_node *node) { return node->previous != NULL; }

#endif
