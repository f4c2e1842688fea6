#include <stdio.h>

#include "source/sqlite/key.h"
#include "source/sqlite/sqlite.h"

/* Where findings go. */
struct report {
    finding_fn finding;
    void *context;
};

static void say(const struct report *report, enum finding_level level, const char *subject,
                const char *found, const char *remedy)
{
    report->finding(report->context, level, subject, found, remedy);
}

static status check_journal(struct source *source, const struct report *report, struct error *err)
{
    bool wal;
    TRY(sqlite_in_wal_mode(source->db, &wal, err));
    if (wal) {
        say(report, FINDING_OK, "journal mode", "WAL: readers and writers don't wait for another",
            NULL);
        return STATUS_OK;
    }
    say(report, FINDING_WARN, "journal mode",
        "rollback journal: writers wait while a run holds its lock, or the database is copied "
        "first",
        "PRAGMA journal_mode=WAL, once, by a program that may write; or consistency: hold | copy");
    return STATUS_OK;
}

static void check_types(const struct sqlite_table *table, const struct read_request *request,
                        const struct report *report)
{
    size_t unknown = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct sqlite_column *column = &table->columns[i];
        const struct column_request *asked =
            column_request_find(request, column->name, sqlite3_stricmp);
        char found[300];
        if (column->known || (asked && asked->has_type))
            continue;
        unknown++;
        snprintf(found, sizeof(found), "column \"%.100s\" has %s%.100s: read as text", column->name,
                 column->declared[0] ? "the unknown declared type " : "no declared type",
                 column->declared);
        say(report, FINDING_WARN, "types", found,
            "name its type under columns: {COLUMN: {type: ...}}");
    }
    if (unknown == 0)
        say(report, FINDING_OK, "types", "every column has a declared type with a rule", NULL);
}

static status check_key(struct source *source, const struct sqlite_table *table,
                        const struct read_request *request, const struct report *report,
                        struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    struct sqlite_key key;
    size_t column;
    TRY(column_names_need(&table->names, request->update_key, "update_key", &column, err));
    const struct column_request *asked =
        column_request_find(request, request->update_key, sqlite3_stricmp);
    struct type type = asked && asked->has_type ? asked->type : table->columns[column].type;
    struct error why = {0};
    status_code s =
        sqlite_key_examine(source->db, table, request, column, type, &arena, &key, &why);
    if (s == STATUS_BAD_DATA || s == STATUS_BAD_CONFIG) {
        say(report, FINDING_FAIL, "update_key", why.text, "see the message");
        return STATUS_OK;
    }
    if (s != STATUS_OK) {
        if (err)
            *err = why;
        return s;
    }
    if (key.is_rowid || key.index)
        say(report, FINDING_OK, "update_key", "indexed: new rows are found without a full scan",
            NULL);
    else
        say(report, FINDING_WARN, "update_key", "not indexed: every run looks at all rows",
            "CREATE INDEX on it, or accept the scan");
    say(report, FINDING_WARN, "update_key",
        "SQLite can't tell which transactions are still open: a row that commits late with an "
        "older "
        "key is not seen by later runs",
        "set lookback to the longest such delay");
    return STATUS_OK;
}

static status check_stream(struct source *source, const struct read_request *request,
                           const struct report *report, struct error *err)
{
    SCOPED(arena_release) struct arena arena = {0};
    struct sqlite_table table;
    TRY(sqlite_table_describe(source->db, request, &arena, &table, err));
    say(report, FINDING_OK, "stream", table.label, NULL);
    check_types(&table, request, report);
    if (!request->update_key)
        return STATUS_OK;
    return check_key(source, &table, request, report, err);
}

status sqlite_check(struct source *source, const struct read_request *request, finding_fn finding,
                    void *context, struct error *err)
{
    struct report report = {.finding = finding, .context = context};
    TRY(sqlite_exec(source->db, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1", err));
    say(&report, FINDING_OK, "database file", source->path, NULL);
    status_code s = check_journal(source, &report, err);
    if (s == STATUS_OK && request)
        s = check_stream(source, request, &report, err);
    sqlite3_exec(source->db, "ROLLBACK", NULL, NULL, NULL);
    return s;
}
