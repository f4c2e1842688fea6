/* How far the sequences are that integer keys are drawn from: looked at before open transactions are listed (facts.c). */
#ifndef LEAT_SOURCE_POSTGRES_SEQUENCES_H
#define LEAT_SOURCE_POSTGRES_SEQUENCES_H

#include "source/postgres/table.h"

/* The sequence that feeds a key. */
struct key_sequence {
    const char *name;                 /* "public.orders_id_seq", quoted where SQL needs it */
    const char *literal;              /* the same as a literal */
    const struct sequence_look *look; /* NULL: it was not looked at */
};

/* Add what feeds STREAMS (NULL-terminated) with all of their parts to FACTS. CONN is in no transaction. A standby's are
 * left out: they lag. */
status sequences_look(PGconn *conn, const char *const *streams, struct fence_facts *facts,
                      struct error *err);
void sequences_release(struct fence_facts *facts);

/* What the catalog says of KEY's sequences, one row: count, largest cache, one that does not always grow, written by a
 * subscription, a number that changes when it begins anew, a default that is more than the next value; and of the last of
 * them its oid, its name, the name as a literal. */
status sequences_of_key(PGconn *conn, const struct postgres_table *table,
                        const struct postgres_column *key, PGresult **out, struct error *err);
/* Of the one row of sequences_of_key; texts in ARENA. */
status sequences_find(const struct fence_facts *facts, const PGresult *of_key, struct arena *arena,
                      struct key_sequence *out, struct error *err);

/* The largest key of an integer TYPE. */
int64_t sequences_most(struct type type);
/* KEY has values that SEQUENCE has yet to come to, up to LARGEST: the sentence, and what to do. In ARENA; NULL: no memory. */
const char *sequences_say_above(const struct key_sequence *sequence,
                                const struct postgres_column *key, int64_t largest,
                                struct arena *arena);
const char *sequences_remedy_above(const struct key_sequence *sequence,
                                   const struct postgres_column *key, int64_t largest,
                                   struct arena *arena);
/* SEQUENCE may not be read: what that means for the bound of KEY. */
const char *sequences_say_hidden(const struct key_sequence *sequence,
                                 const struct postgres_column *key, struct arena *arena);

#endif
