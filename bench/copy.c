/* The floor under every loader of PostgreSQL: COPY BINARY over N connections, each its share of the table's blocks, to
 * nowhere.
 *
 *   copy "host=... dbname=..." TABLE CONNECTIONS */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const char *where, *table;
static long blocks, connections;

static void fail(PGconn *conn)
{
    fprintf(stderr, "%s", PQerrorMessage(conn));
    exit(1);
}

static void *drain(void *argument)
{
    long i = (long)argument;
    char sql[512], *row;
    PGconn *conn = PQconnectdb(where);
    if (PQstatus(conn) != CONNECTION_OK)
        fail(conn);
    snprintf(sql, sizeof(sql),
             "COPY (SELECT * FROM %s WHERE ctid >= '(%ld,0)' AND ctid < '(%ld,0)') TO STDOUT "
             "(FORMAT binary)",
             table, blocks * i / connections,
             blocks * (i + 1) / connections + (i + 1 == connections));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COPY_OUT)
        fail(conn);
    PQclear(result);
    while (PQgetCopyData(conn, &row, 0) > 0)
        PQfreemem(row);
    PQfinish(conn);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 };
    pthread_t threads[MOST];
    char sql[256];
    if (argc != 4 || (connections = atol(argv[3])) < 1 || connections > MOST)
        return 2;
    where = argv[1];
    table = argv[2];
    PGconn *conn = PQconnectdb(where);
    if (PQstatus(conn) != CONNECTION_OK)
        fail(conn);
    snprintf(sql, sizeof(sql), "SELECT pg_relation_size('%s') / 8192", table);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail(conn);
    blocks = atol(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    for (long i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, drain, (void *)i);
    for (long i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
