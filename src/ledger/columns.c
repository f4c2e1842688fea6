#include "ledger/columns.h"

#include "ledger/ledger.h"

/* clang-format off */
#define FIELD(kind, field) {#field, kind, offsetof(struct ledger_entry, field)}
#define STAGE(name, i)                                                                             \
    {name, LEDGER_REAL, offsetof(struct ledger_entry, stage_seconds) + (i) * sizeof(double)}
/* clang-format on */

const struct ledger_column ledger_columns[] = {
    FIELD(LEDGER_TEXT, run_id),
    FIELD(LEDGER_TEXT, stream),
    FIELD(LEDGER_TEXT, job),
    FIELD(LEDGER_TEXT, target),
    FIELD(LEDGER_TEXT, mode),
    FIELD(LEDGER_TEXT, outcome),
    FIELD(LEDGER_TEXT, message),
    FIELD(LEDGER_INT, started_us),
    FIELD(LEDGER_INT, ended_us),
    FIELD(LEDGER_INT, version),
    FIELD(LEDGER_INT, rows_read),
    FIELD(LEDGER_INT, rows_written),
    FIELD(LEDGER_INT, rows_rejected),
    FIELD(LEDGER_INT, rows_known),
    FIELD(LEDGER_INT, table_rows),
    FIELD(LEDGER_INT, bytes_read),
    FIELD(LEDGER_INT, bytes_written),
    FIELD(LEDGER_REAL, compression_ratio),
    FIELD(LEDGER_INT, files),
    FIELD(LEDGER_INT, small_files),
    FIELD(LEDGER_INT, partitions),
    FIELD(LEDGER_REAL, skew),
    FIELD(LEDGER_TEXT, watermark),
    FIELD(LEDGER_TEXT, watermark_before),
    FIELD(LEDGER_TEXT, source_newest),
    FIELD(LEDGER_MAYBE, lag_seconds),
    FIELD(LEDGER_INT, peak_memory_bytes),
    FIELD(LEDGER_REAL, cpu_seconds),
    FIELD(LEDGER_REAL, wall_seconds),
    STAGE("open_seconds", 0),
    STAGE("plan_seconds", 1),
    STAGE("read_seconds", 2),
    STAGE("encode_seconds", 3),
    STAGE("assemble_seconds", 4),
    STAGE("publish_seconds", 5),
    FIELD(LEDGER_INT, values_null),
    FIELD(LEDGER_INT, values_text),
};

const size_t ledger_n_columns = sizeof(ledger_columns) / sizeof(ledger_columns[0]);

const char *const ledger_migrations[] = {
    "CREATE TABLE runs ("
    " run_id TEXT NOT NULL, stream TEXT NOT NULL, job TEXT, target TEXT, mode TEXT, outcome TEXT,"
    " message TEXT, started_us INTEGER, ended_us INTEGER, version INTEGER, rows_read INTEGER,"
    " rows_written INTEGER, rows_rejected INTEGER, rows_known INTEGER, table_rows INTEGER,"
    " bytes_read INTEGER, bytes_written INTEGER, compression_ratio REAL, files INTEGER,"
    " small_files INTEGER, partitions INTEGER, skew REAL, watermark TEXT, watermark_before TEXT,"
    " source_newest TEXT, lag_seconds REAL, peak_memory_bytes INTEGER, cpu_seconds REAL,"
    " wall_seconds REAL, open_seconds REAL, plan_seconds REAL, read_seconds REAL,"
    " encode_seconds REAL, assemble_seconds REAL, publish_seconds REAL,"
    " PRIMARY KEY (run_id, stream)) WITHOUT ROWID;"
    "CREATE INDEX runs_by_time ON runs (started_us);"
    "CREATE INDEX runs_by_target ON runs (target, started_us);",
    "ALTER TABLE runs ADD COLUMN values_null INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN values_text INTEGER NOT NULL DEFAULT 0;",
    NULL,
};
