/* libpq, PostgreSQL's client library, loaded when the first source is opened: it brings some 20 others (TLS, Kerberos, LDAP),
 * and a program that reads SQLite or prints its version need not map and relocate them. Its functions are called as
 * `libpq.PQexec(...)`; a call by the bare name does not link. */
#ifndef LEAT_SOURCE_POSTGRES_LIBPQ_H
#define LEAT_SOURCE_POSTGRES_LIBPQ_H

#include <libpq-events.h>
#include <libpq-fe.h>

#include "base/error.h"

/* Those that are called; to call one more, name it here. */
#define LIBPQ_FUNCTIONS(_)                                                                         \
    _(PQbackendPID)                                                                                \
    _(PQcancel)                                                                                    \
    _(PQclear)                                                                                     \
    _(PQconnectPoll)                                                                               \
    _(PQconnectStartParams)                                                                        \
    _(PQconninfo)                                                                                  \
    _(PQconninfoFree)                                                                              \
    _(PQconninfoParse)                                                                             \
    _(PQconsumeInput)                                                                              \
    _(PQdb)                                                                                        \
    _(PQdescribePrepared)                                                                          \
    _(PQerrorMessage)                                                                              \
    _(PQexec)                                                                                      \
    _(PQfinish)                                                                                    \
    _(PQfmod)                                                                                      \
    _(PQfname)                                                                                     \
    _(PQfreeCancel)                                                                                \
    _(PQfreemem)                                                                                   \
    _(PQftype)                                                                                     \
    _(PQgetCancel)                                                                                 \
    _(PQgetCopyData)                                                                               \
    _(PQgetResult)                                                                                 \
    _(PQgetisnull)                                                                                 \
    _(PQgetvalue)                                                                                  \
    _(PQgssEncInUse)                                                                               \
    _(PQhost)                                                                                      \
    _(PQhostaddr)                                                                                  \
    _(PQinstanceData)                                                                              \
    _(PQisBusy)                                                                                    \
    _(PQnfields)                                                                                   \
    _(PQntuples)                                                                                   \
    _(PQparameterStatus)                                                                           \
    _(PQport)                                                                                      \
    _(PQprepare)                                                                                   \
    _(PQregisterEventProc)                                                                         \
    _(PQresultErrorField)                                                                          \
    _(PQresultStatus)                                                                              \
    _(PQsendQuery)                                                                                 \
    _(PQsendQueryParams)                                                                           \
    _(PQserverVersion)                                                                             \
    _(PQsetInstanceData)                                                                           \
    _(PQsetNoticeProcessor)                                                                        \
    _(PQsocket)                                                                                    \
    _(PQsslAttribute)                                                                              \
    _(PQsslInUse)                                                                                  \
    _(PQstatus)                                                                                    \
    _(PQtransactionStatus)                                                                         \
    _(PQuser)

struct libpq {
#define MEMBER(name) __typeof__(name) *name;
    LIBPQ_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* Filled once libpq_load has returned OK, and never changed again. Who has a struct source may call. */
extern struct libpq libpq;

/* Load it, the first time; it stays until the process ends. From any thread.
 * Errors: NOT_FOUND (it, a library that it needs, or one of its functions is missing; what to install). */
status libpq_load(struct error *err);

#endif
