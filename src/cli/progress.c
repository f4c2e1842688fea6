#include "cli/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { DRAW_EVERY_MS = 200 };

struct progress_display {
    const struct run_progress *progress;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the screen */
    atomic_bool stop;
    bool drawn;
};

static unsigned screen_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return 80;
}

/* ROWS of TOTAL are done, KEPT of them by an earlier run, in no time. */
static void describe_rate(struct text *line, uint64_t rows, uint64_t kept, uint64_t total,
                          double seconds)
{
    char buf[32];
    if (seconds < 0.5 || rows <= kept)
        return;
    double rate = (double)(rows - kept) / seconds;
    text_printf(line, "  %s rows/s", text_format_count((uint64_t)rate, buf));
    if (total <= rows)
        return;
    text_printf(line, "  %2.0f %%", 100.0 * (double)rows / (double)total);
    text_printf(line, "  %s left", text_format_duration((double)(total - rows) / rate, buf));
}

static void draw(struct progress_display *display)
{
    const struct run_progress *progress = display->progress;
    const char *stream = atomic_load(&progress->stream);
    const char *phase = atomic_load(&progress->phase);
    char rows_text[32], bytes_text[32];
    if (!stream || !phase)
        return;
    uint64_t rows = atomic_load(&progress->rows_done);
    uint64_t total = atomic_load(&progress->rows_total);
    double seconds = (double)(clock_monotonic_ns() - atomic_load(&progress->started_ns)) / 1e9;
    struct text line = {0};
    bool reading = strcmp(phase, "reading") == 0;
    uint64_t bytes = atomic_load(reading ? &progress->bytes_read : &progress->bytes_written);
    text_printf(&line, "%s  %s  %s rows  %s%s", stream, phase, text_format_count(rows, rows_text),
                text_format_bytes(bytes, bytes_text), reading ? "" : " written");
    if (reading)
        describe_rate(&line, rows, atomic_load(&progress->rows_kept), total, seconds);
    fprintf(stderr, "\r\033[K%.*s", (int)screen_width() - 1, text_string(&line));
    fflush(stderr);
    text_release(&line);
    display->drawn = true;
}

static void clear_line(struct progress_display *display)
{
    if (display->drawn)
        fputs("\r\033[K", stderr);
    fflush(stderr);
    display->drawn = false;
}

static void *draw_all(void *argument)
{
    struct progress_display *display = argument;
    while (!atomic_load(&display->stop)) {
        pthread_mutex_lock(&display->mutex);
        draw(display);
        pthread_mutex_unlock(&display->mutex);
        clock_sleep_ms(DRAW_EVERY_MS);
    }
    return NULL;
}

struct progress_display *progress_start(const struct run_progress *progress)
{
    const char *term = getenv("TERM");
    if (!isatty(STDERR_FILENO) || (term && strcmp(term, "dumb") == 0))
        return NULL;
    struct progress_display *display = mem_zalloc(sizeof(*display));
    if (!display)
        return NULL;
    display->progress = progress;
    pthread_mutex_init(&display->mutex, NULL);
    if (pthread_create(&display->thread, NULL, draw_all, display) != 0) {
        pthread_mutex_destroy(&display->mutex);
        mem_free(display);
        return NULL;
    }
    return display;
}

void progress_clear(struct progress_display *display)
{
    if (!display)
        return;
    pthread_mutex_lock(&display->mutex);
    clear_line(display);
    pthread_mutex_unlock(&display->mutex);
}

void progress_stop(struct progress_display *display)
{
    if (!display)
        return;
    atomic_store(&display->stop, true);
    pthread_join(display->thread, NULL);
    clear_line(display);
    pthread_mutex_destroy(&display->mutex);
    mem_free(display);
}
