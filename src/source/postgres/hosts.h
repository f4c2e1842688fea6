/* From the words of a connection string to a connection, while a signal is listened to. */
#ifndef LEAT_SOURCE_POSTGRES_HOSTS_H
#define LEAT_SOURCE_POSTGRES_HOSTS_H

#include "source/postgres/connection.h"

enum { MAX_WORDS = 16 };

/* As libpq takes them: a later one goes before an earlier one of its name. Keys and values are borrowed. */
struct connection_words {
    const char *keys[MAX_WORDS + 1], *values[MAX_WORDS + 1];
    size_t n;
};

void connection_words_add(struct connection_words *words, const char *key, const char *value);

/* A connection to the first of the hosts that WORDS name which takes it. The name of a host is looked up as long as the system
 * likes: nothing ends that. Errors: CANCELLED, and those of postgres_connect. */
status hosts_connect(const struct connection_words *words, const struct connection_options *options,
                     PGconn **out, struct error *err);

#endif
