-- The whole schema, for reading and for a fresh database. An older database gets there by migrations/, and a test
-- demands that both ways end at the same place. Times are integer microseconds UTC; documents are JSON text;
-- states are words. `PRAGMA user_version` holds the number of the last migration.

-- One run of one revision. `history` is [[state, time], ...]. The id sorts by time. `loop_...` are of an iteration.
CREATE TABLE executions (
    id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    commit_id TEXT NOT NULL,
    state TEXT NOT NULL,
    kind TEXT NOT NULL,
    attempt_number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    scheduled_at INTEGER,
    parent_id TEXT,
    original_id TEXT,
    trigger_id TEXT,
    trigger_execution_id TEXT,
    is_live INTEGER NOT NULL,
    history TEXT NOT NULL,
    progress TEXT NOT NULL,
    progress_values TEXT,
    labels TEXT,
    inputs TEXT,
    variables TEXT,
    "trigger" TEXT,
    outputs TEXT,
    loop_task_run_id TEXT,
    loop_index INTEGER,
    loop_run TEXT,
    is_loop INTEGER NOT NULL GENERATED ALWAYS AS (kind = 'LOOP') VIRTUAL,
    CONSTRAINT executions_pk PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- Every filter by namespace, flow, state or text comes down to ranges of this index (reads/search.py). Iterations of
-- loops are mostly not looked for, and may be far more than all others: they have ranges of their own.
CREATE INDEX executions_flow_ix ON executions (is_loop, namespace, flow_id, state, started_at);
CREATE INDEX executions_state_ix ON executions (is_loop, state, started_at);
CREATE INDEX executions_started_ix ON executions (is_loop, started_at);
CREATE INDEX executions_ended_ix ON executions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX executions_live_ix ON executions (is_live) WHERE is_live = 1;
CREATE INDEX executions_trigger_ix ON executions (trigger_id, started_at) WHERE trigger_id IS NOT NULL;
CREATE INDEX executions_parent_ix ON executions (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX executions_caller_ix ON executions (trigger_execution_id) WHERE trigger_execution_id IS NOT NULL;
CREATE INDEX executions_loop_ix ON executions (loop_task_run_id, loop_index) WHERE loop_task_run_id IS NOT NULL;

-- How many executions there are of each flow in each state: exact totals without counting a million rows.
CREATE TABLE execution_counts (
    is_loop INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    state TEXT NOT NULL,
    number INTEGER NOT NULL,
    CONSTRAINT execution_counts_pk PRIMARY KEY (is_loop, namespace, flow_id, state)
) STRICT, WITHOUT ROWID;

-- Labels again, to find executions by them. Filled by the triggers below and never read out.
CREATE TABLE execution_labels (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    CONSTRAINT execution_labels_pk PRIMARY KEY ("key", value, execution_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER executions_inserted AFTER INSERT ON executions BEGIN
    INSERT INTO execution_counts (is_loop, namespace, flow_id, state, number)
        VALUES (NEW.kind = 'LOOP', NEW.namespace, NEW.flow_id, NEW.state, 1)
        ON CONFLICT (is_loop, namespace, flow_id, state) DO UPDATE SET number = number + 1;
    INSERT OR IGNORE INTO execution_labels ("key", value, execution_id)
        SELECT "key", value, NEW.id FROM json_each(coalesce(NEW.labels, '{}'));
END;

CREATE TRIGGER executions_moved AFTER UPDATE OF state ON executions WHEN OLD.state <> NEW.state BEGIN
    UPDATE execution_counts SET number = number - 1
        WHERE is_loop = (OLD.kind = 'LOOP') AND namespace = OLD.namespace AND flow_id = OLD.flow_id
            AND state = OLD.state;
    INSERT INTO execution_counts (is_loop, namespace, flow_id, state, number)
        VALUES (NEW.kind = 'LOOP', NEW.namespace, NEW.flow_id, NEW.state, 1)
        ON CONFLICT (is_loop, namespace, flow_id, state) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER executions_relabelled AFTER UPDATE OF labels ON executions WHEN OLD.labels IS NOT NEW.labels BEGIN
    DELETE FROM execution_labels WHERE ("key", value, execution_id) IN
        (SELECT "key", value, OLD.id FROM json_each(coalesce(OLD.labels, '{}')));
    INSERT OR IGNORE INTO execution_labels ("key", value, execution_id)
        SELECT "key", value, NEW.id FROM json_each(coalesce(NEW.labels, '{}'));
END;

CREATE TRIGGER executions_deleted AFTER DELETE ON executions BEGIN
    UPDATE execution_counts SET number = number - 1
        WHERE is_loop = (OLD.kind = 'LOOP') AND namespace = OLD.namespace AND flow_id = OLD.flow_id
            AND state = OLD.state;
    DELETE FROM execution_labels WHERE ("key", value, execution_id) IN
        (SELECT "key", value, OLD.id FROM json_each(coalesce(OLD.labels, '{}')));
END;

-- One task within one execution. Its id is made of the execution's and `sequence`. `attempts` is
-- [[number, history, worker, null | [message, kind], log file if there is one], ...]. `progress_values` is apart
-- from `progress` because a ForEach over 100,000 values writes the one at each child's end and the other once.
CREATE TABLE task_runs (
    execution_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    parent_id TEXT,
    value TEXT,
    iteration INTEGER,
    state TEXT NOT NULL,
    history TEXT NOT NULL,
    attempts TEXT NOT NULL,
    progress TEXT,
    progress_values TEXT,
    outputs TEXT,
    CONSTRAINT task_runs_pk PRIMARY KEY (execution_id, sequence),
    CONSTRAINT task_runs_execution_fk FOREIGN KEY (execution_id) REFERENCES executions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Documents too long for a row that is written often (rows.py: INLINE_LENGTH_MAX); the row then holds '@'.
-- `sequence` is the task run's, or -1 for the execution's own.
CREATE TABLE documents (
    execution_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    CONSTRAINT documents_pk PRIMARY KEY (execution_id, sequence, name),
    CONSTRAINT documents_execution_fk FOREIGN KEY (execution_id) REFERENCES executions (id) ON DELETE CASCADE
) STRICT;

-- What tasks (and triggers: then without execution) printed. `id` is the order of arrival.
CREATE TABLE logs (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    execution_id TEXT,
    task_run_id TEXT,
    task_id TEXT,
    attempt INTEGER,
    trigger_id TEXT,
    message TEXT NOT NULL,
    CONSTRAINT logs_pk PRIMARY KEY (id)
) STRICT;

CREATE INDEX logs_execution_ix ON logs (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX logs_flow_ix ON logs (namespace, flow_id);
CREATE INDEX logs_error_ix ON logs (level) WHERE level = 'ERROR';

CREATE TABLE metrics (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    task_run_id TEXT,
    task_id TEXT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    value REAL NOT NULL,
    tags TEXT NOT NULL,
    CONSTRAINT metrics_pk PRIMARY KEY (id)
) STRICT;

CREATE INDEX metrics_execution_ix ON metrics (execution_id);
CREATE INDEX metrics_name_ix ON metrics (namespace, flow_id, name, at);

-- What an execution (task_run_id '') or a task run waits for.
CREATE TABLE timers (
    execution_id TEXT NOT NULL,
    task_run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    due INTEGER NOT NULL,
    CONSTRAINT timers_pk PRIMARY KEY (execution_id, task_run_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_due_ix ON timers (due);

CREATE TABLE trigger_states (
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    trigger_id TEXT NOT NULL,
    next_at INTEGER,
    last_fired_at INTEGER,
    evaluated_at INTEGER,
    updated_at INTEGER NOT NULL,
    is_disabled INTEGER NOT NULL,
    execution_id TEXT,
    backfill TEXT,
    notes TEXT NOT NULL,
    CONSTRAINT trigger_states_pk PRIMARY KEY (namespace, flow_id, trigger_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX trigger_states_next_ix ON trigger_states (next_at) WHERE next_at IS NOT NULL;

-- Fire times that were used up. The key is the promise that nothing fires twice.
CREATE TABLE fired_slots (
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    trigger_id TEXT NOT NULL,
    fire_time INTEGER NOT NULL,
    execution_id TEXT,
    CONSTRAINT fired_slots_pk PRIMARY KEY (namespace, flow_id, trigger_id, fire_time)
) STRICT, WITHOUT ROWID;

-- The same promise for triggers that wait for another execution to come to a state.
CREATE TABLE flow_firings (
    source_execution_id TEXT NOT NULL,
    state TEXT NOT NULL,
    occurrence INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    trigger_id TEXT NOT NULL,
    execution_id TEXT,
    CONSTRAINT flow_firings_pk PRIMARY KEY
        (source_execution_id, state, occurrence, namespace, flow_id, trigger_id)
) STRICT, WITHOUT ROWID;

-- Process groups that work for us, written before they start: a new daemon ends what an old one left behind.
-- `started` tells a process from a later one with the same number (clock ticks since boot, as the kernel says).
CREATE TABLE processes (
    pid INTEGER NOT NULL,
    started INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    worker TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    CONSTRAINT processes_pk PRIMARY KEY (pid, started)
) STRICT, WITHOUT ROWID;

-- The ledger of revisions: a cache, rebuilt from Git alone.
CREATE TABLE revisions (
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    commit_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    author_email TEXT NOT NULL,
    committed_at INTEGER NOT NULL,
    committed_offset INTEGER NOT NULL,
    path TEXT NOT NULL,
    blob TEXT NOT NULL,
    document INTEGER NOT NULL,
    content TEXT NOT NULL,
    is_deleted INTEGER NOT NULL,
    CONSTRAINT revisions_pk PRIMARY KEY (namespace, flow_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX revisions_commit_ix ON revisions (commit_id);

-- Which revision of each flow is live: the last good one.
CREATE TABLE live_flows (
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    CONSTRAINT live_flows_pk PRIMARY KEY (namespace, flow_id),
    CONSTRAINT live_flows_revision_fk FOREIGN KEY (namespace, flow_id, number)
        REFERENCES revisions (namespace, flow_id, number)
) STRICT, WITHOUT ROWID;

-- What is wrong at the source's head, for each file.
CREATE TABLE problems (
    path TEXT NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    "column" INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    hint TEXT,
    severity TEXT NOT NULL,
    "where" TEXT NOT NULL,
    CONSTRAINT problems_pk PRIMARY KEY (path, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE syncs (
    id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    commit_id TEXT,
    previous_commit_id TEXT,
    changed TEXT NOT NULL,
    problem_count INTEGER NOT NULL,
    error TEXT,
    CONSTRAINT syncs_pk PRIMARY KEY (id)
) STRICT;

CREATE TABLE kv (
    namespace TEXT NOT NULL,
    "key" TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    description TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    CONSTRAINT kv_pk PRIMARY KEY (namespace, "key")
) STRICT, WITHOUT ROWID;

CREATE INDEX kv_expires_ix ON kv (expires_at) WHERE expires_at IS NOT NULL;

-- What the daemon itself remembers (the source's head, when it last looked ...), as JSON.
CREATE TABLE settings (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT settings_pk PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
