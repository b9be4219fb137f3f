-- Named queries. Writes are in the form `... VALUES (?, ...)`: the writer repeats the brackets to put many rows into
-- one statement. A removal by several columns names the first ones apart, because only they are looked up in an
-- index. Order of columns is the order of the tuples that rows.py and batch.py make.

-- name: put_executions
-- A document that is NULL did not change.
INSERT INTO executions (id, namespace, flow_id, revision, commit_id, state, kind, attempt_number, started_at, ended_at,
    scheduled_at, parent_id, original_id, trigger_id, trigger_execution_id, loop_task_run_id, loop_index, is_live,
    history, progress, labels, progress_values, inputs, variables, "trigger", outputs, loop_run)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state,
    attempt_number = excluded.attempt_number,
    ended_at = excluded.ended_at,
    scheduled_at = excluded.scheduled_at,
    is_live = excluded.is_live,
    history = excluded.history,
    progress = excluded.progress,
    labels = coalesce(excluded.labels, labels),
    progress_values = coalesce(excluded.progress_values, progress_values),
    inputs = coalesce(excluded.inputs, inputs),
    variables = coalesce(excluded.variables, variables),
    "trigger" = coalesce(excluded."trigger", "trigger"),
    outputs = coalesce(excluded.outputs, outputs);

-- name: remove_executions
-- Task runs and documents follow by their foreign keys, counts and labels by triggers.
DELETE FROM executions WHERE id IN (VALUES (?));

-- name: remove_logs
DELETE FROM logs WHERE execution_id IN (VALUES (?));

-- name: remove_trigger_logs
-- What triggers of a flow printed.
WITH gone (namespace, flow_id, trigger_id) AS (VALUES (?, ?, ?))
DELETE FROM logs
WHERE execution_id IS NULL AND namespace IN (SELECT namespace FROM gone) AND flow_id IN (SELECT flow_id FROM gone)
    AND (namespace, flow_id, trigger_id) IN (SELECT namespace, flow_id, trigger_id FROM gone);

-- name: remove_log_lines
DELETE FROM logs WHERE id IN (VALUES (?));

-- name: remove_metric_values
DELETE FROM metrics WHERE id IN (VALUES (?));

-- name: remove_metrics
DELETE FROM metrics WHERE execution_id IN (VALUES (?));

-- name: remove_execution_timers
DELETE FROM timers WHERE execution_id IN (VALUES (?));

-- name: remove_firings
DELETE FROM flow_firings WHERE source_execution_id IN (VALUES (?));

-- name: remove_old_slots
-- Fire times before a time: what they guard against is over. Of several times the last counts.
DELETE FROM fired_slots WHERE fire_time < (SELECT max(column1) FROM (VALUES (?)));

-- name: put_task_runs
-- A document that is NULL did not change.
INSERT INTO task_runs (execution_id, sequence, task_id, parent_id, value, iteration, state, history, attempts,
    progress, progress_values, outputs)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id, sequence) DO UPDATE SET
    task_id = excluded.task_id,
    parent_id = excluded.parent_id,
    value = excluded.value,
    iteration = excluded.iteration,
    state = excluded.state,
    history = excluded.history,
    attempts = excluded.attempts,
    progress = excluded.progress,
    progress_values = coalesce(excluded.progress_values, progress_values),
    outputs = coalesce(excluded.outputs, outputs);

-- name: remove_task_runs
WITH gone (execution_id, sequence) AS (VALUES (?, ?))
DELETE FROM task_runs
WHERE execution_id IN (SELECT execution_id FROM gone)
    AND (execution_id, sequence) IN (SELECT execution_id, sequence FROM gone);

-- name: put_documents
INSERT INTO documents (execution_id, sequence, name, content) VALUES (?, ?, ?, ?)
ON CONFLICT (execution_id, sequence, name) DO UPDATE SET content = excluded.content;

-- name: put_timers
INSERT INTO timers (execution_id, task_run_id, kind, due) VALUES (?, ?, ?, ?)
ON CONFLICT (execution_id, task_run_id, kind) DO UPDATE SET due = excluded.due;

-- name: remove_timers
WITH gone (execution_id, task_run_id, kind) AS (VALUES (?, ?, ?))
DELETE FROM timers
WHERE execution_id IN (SELECT execution_id FROM gone)
    AND (execution_id, task_run_id, kind) IN (SELECT execution_id, task_run_id, kind FROM gone);

-- name: put_trigger_states
INSERT INTO trigger_states (namespace, flow_id, trigger_id, next_at, last_fired_at, evaluated_at, updated_at,
    is_disabled, execution_id, backfill, notes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, flow_id, trigger_id) DO UPDATE SET
    next_at = excluded.next_at,
    last_fired_at = excluded.last_fired_at,
    evaluated_at = excluded.evaluated_at,
    updated_at = excluded.updated_at,
    is_disabled = excluded.is_disabled,
    execution_id = excluded.execution_id,
    backfill = excluded.backfill,
    notes = excluded.notes;

-- name: remove_trigger_states
WITH gone (namespace, flow_id, trigger_id) AS (VALUES (?, ?, ?))
DELETE FROM trigger_states
WHERE namespace IN (SELECT namespace FROM gone) AND flow_id IN (SELECT flow_id FROM gone)
    AND (namespace, flow_id, trigger_id) IN (SELECT namespace, flow_id, trigger_id FROM gone);

-- name: put_processes
INSERT INTO processes (pid, started, group_id, worker, recorded_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (pid, started) DO UPDATE SET
    group_id = excluded.group_id, worker = excluded.worker, recorded_at = excluded.recorded_at;

-- name: remove_processes
WITH gone (pid, started) AS (VALUES (?, ?))
DELETE FROM processes
WHERE pid IN (SELECT pid FROM gone)
    AND (pid, started) IN (SELECT pid, started FROM gone);

-- name: put_revisions
INSERT INTO revisions (namespace, flow_id, number, commit_id, author_name, author_email, committed_at,
    committed_offset, path, blob, document, content, is_deleted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, flow_id, number) DO UPDATE SET
    commit_id = excluded.commit_id,
    author_name = excluded.author_name,
    author_email = excluded.author_email,
    committed_at = excluded.committed_at,
    committed_offset = excluded.committed_offset,
    path = excluded.path,
    blob = excluded.blob,
    document = excluded.document,
    content = excluded.content,
    is_deleted = excluded.is_deleted;

-- name: put_live_flows
INSERT INTO live_flows (namespace, flow_id, number) VALUES (?, ?, ?)
ON CONFLICT (namespace, flow_id) DO UPDATE SET number = excluded.number;

-- name: remove_live_flows
WITH gone (namespace, flow_id) AS (VALUES (?, ?))
DELETE FROM live_flows
WHERE namespace IN (SELECT namespace FROM gone) AND flow_id IN (SELECT flow_id FROM gone)
    AND (namespace, flow_id) IN (SELECT namespace, flow_id FROM gone);

-- name: put_problems
INSERT INTO problems (path, position, line, "column", code, message, hint, severity, "where")
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: put_kv
INSERT INTO kv (namespace, "key", type, value, description, version, created_at, updated_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, "key") DO UPDATE SET
    type = excluded.type,
    value = excluded.value,
    description = excluded.description,
    version = excluded.version,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    expires_at = excluded.expires_at;

-- name: remove_kv
WITH gone (namespace, "key") AS (VALUES (?, ?))
DELETE FROM kv
WHERE namespace IN (SELECT namespace FROM gone) AND "key" IN (SELECT "key" FROM gone)
    AND (namespace, "key") IN (SELECT namespace, "key" FROM gone);

-- name: put_settings
INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: remove_settings
DELETE FROM settings WHERE name IN (VALUES (?));

-- name: add_logs
INSERT INTO logs (at, level, namespace, flow_id, execution_id, task_run_id, task_id, attempt, trigger_id, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: add_metrics
INSERT INTO metrics (at, namespace, flow_id, execution_id, task_run_id, task_id, name, kind, value, tags)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: add_slots
-- Fails when the fire time was used before: the batch that brings it is refused whole.
INSERT INTO fired_slots (namespace, flow_id, trigger_id, fire_time, execution_id) VALUES (?, ?, ?, ?, ?);

-- name: add_firings
-- Fails when the trigger fired for this move before: the batch that brings it is refused whole.
INSERT INTO flow_firings (source_execution_id, state, occurrence, namespace, flow_id, trigger_id, execution_id)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: add_syncs
INSERT INTO syncs (started_at, ended_at, reason, commit_id, previous_commit_id, changed, problem_count, error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: remove_all_live_flows
DELETE FROM live_flows;

-- name: remove_all_revisions
DELETE FROM revisions;

-- name: remove_all_problems
DELETE FROM problems;

-- name: execution
SELECT COLUMNS FROM executions WHERE id = ?;

-- name: task_runs_of_execution
SELECT COLUMNS FROM task_runs WHERE execution_id = ? ORDER BY sequence;

-- name: first_task_runs_of_execution
SELECT COLUMNS FROM task_runs WHERE execution_id = ? AND parent_id IS NULL ORDER BY sequence;

-- name: some_task_runs_of_execution
SELECT COLUMNS FROM task_runs WHERE execution_id = ? ORDER BY sequence LIMIT ? OFFSET ?;

-- name: task_runs_in_state
SELECT COLUMNS FROM task_runs WHERE execution_id = ? AND state = ? ORDER BY sequence LIMIT ?;

-- name: count_task_runs_by_state
SELECT task_id, state, count(*) FROM task_runs WHERE execution_id = ? GROUP BY task_id, state;

-- name: count_task_runs_of_execution
SELECT count(*) FROM task_runs WHERE execution_id = ?;

-- name: tally
-- How many executions began in each stretch of time, by state. Each count is a range of the index by state and start
-- and stops at :most, so that a busy day costs no more than it may.
WITH RECURSIVE stretches (position) AS (
    SELECT :since / :stretch UNION ALL SELECT position + 1 FROM stretches WHERE position < :until / :stretch
), states (state) AS (
    SELECT DISTINCT state FROM execution_counts WHERE NOT is_loop AND number > 0
), counted (position, state, number) AS (
    SELECT position, state, (
        SELECT count(*) FROM (
            SELECT 1 FROM executions e INDEXED BY executions_state_ix
            WHERE e.is_loop = 0 AND e.state = states.state
                AND e.started_at >= max(position * :stretch, :since) AND e.started_at < (position + 1) * :stretch
            LIMIT :most
        )
    )
    FROM stretches, states
)
SELECT position, state, number FROM counted WHERE number > 0 ORDER BY position;

-- name: flow_tally
-- The same for one flow; and how long the last :looked of each count took on average.
WITH RECURSIVE stretches (position) AS (
    SELECT :since / :stretch UNION ALL SELECT position + 1 FROM stretches WHERE position < :until / :stretch
), states (state) AS (
    SELECT state FROM execution_counts WHERE namespace = :namespace AND flow_id = :flow AND number > 0
), counted (position, state, number) AS (
    SELECT position, state, (
        SELECT count(*) FROM (
            SELECT 1 FROM executions e INDEXED BY executions_flow_ix
            WHERE e.namespace = :namespace AND e.flow_id = :flow AND e.state = states.state
                AND e.started_at >= max(position * :stretch, :since) AND e.started_at < (position + 1) * :stretch
            LIMIT :most
        )
    )
    FROM stretches, states
)
SELECT position, state, number, (
    SELECT avg(took) FROM (
        SELECT e.ended_at - e.started_at AS took FROM executions e INDEXED BY executions_flow_ix
        WHERE e.namespace = :namespace AND e.flow_id = :flow AND e.state = counted.state
            AND e.started_at >= max(position * :stretch, :since) AND e.started_at < (position + 1) * :stretch
        ORDER BY e.started_at DESC LIMIT :looked
    )
)
FROM counted WHERE number > 0 ORDER BY position;

-- name: live_executions
-- `is_live` has an index of its own that holds only these.
SELECT COLUMNS FROM executions INDEXED BY executions_live_ix WHERE is_live = 1 ORDER BY id;

-- name: document
SELECT content FROM documents WHERE execution_id = ? AND sequence = ? AND name = ?;

-- name: states_of_executions
SELECT DISTINCT state FROM execution_counts WHERE number > 0;

-- name: execution_counts
SELECT is_loop, namespace, flow_id, state, number FROM execution_counts WHERE number > 0;

-- name: called_by
SELECT id FROM executions WHERE trigger_execution_id = ? ORDER BY started_at, id;

-- name: iterations
-- Of one that was followed by another (RETRIED, or made anew) the latest counts; what a person replays is none of them.
SELECT loop_index, max(id) FROM executions
WHERE loop_task_run_id = ? AND loop_index > ? AND parent_id IS NULL AND state <> 'RETRIED'
GROUP BY loop_index ORDER BY loop_index LIMIT ?;

-- name: last_iterations
SELECT id FROM executions WHERE loop_task_run_id = ? AND parent_id IS NULL ORDER BY loop_index DESC, id DESC LIMIT ?;

-- name: unfinished_iterations
SELECT loop_index, id FROM (
    SELECT loop_index, max(id) AS id, state FROM executions
    WHERE loop_task_run_id = ? AND loop_index > ? AND parent_id IS NULL AND state <> 'RETRIED'
    GROUP BY loop_index
) WHERE state NOT IN ('SUCCESS', 'WARNING') ORDER BY loop_index LIMIT ?;

-- name: last_runs
-- The latest of each state first (each the end of a range of the index), then the latest of those.
SELECT e.id, e.state, e.started_at, e.ended_at
FROM execution_counts c
JOIN executions e ON e.id IN (
    SELECT id FROM executions
    WHERE is_loop = 0 AND namespace = c.namespace AND flow_id = c.flow_id AND state = c.state
    ORDER BY started_at DESC, id DESC LIMIT ?3)
WHERE c.is_loop = 0 AND c.namespace = ?1 AND c.flow_id = ?2 AND c.number > 0
ORDER BY e.started_at DESC, e.id DESC LIMIT ?3;

-- name: logged_flows
-- Flows that may have log lines: those with executions, and those whose triggers printed something.
SELECT namespace, flow_id FROM execution_counts UNION SELECT namespace, flow_id FROM trigger_states;

-- name: metrics_of_execution
SELECT at, namespace, flow_id, execution_id, task_run_id, task_id, name, kind, value, tags FROM metrics
WHERE execution_id = :execution AND (:task_run IS NULL OR task_run_id = :task_run) AND (:task IS NULL OR task_id = :task)
ORDER BY id LIMIT :limit;

-- name: metric_names
SELECT DISTINCT name FROM metrics
WHERE namespace = :namespace AND flow_id = :flow AND (:task IS NULL OR task_id = :task) ORDER BY name;

-- name: metric_tasks
SELECT DISTINCT task_id FROM metrics WHERE namespace = ? AND flow_id = ? AND task_id IS NOT NULL ORDER BY task_id;

-- name: metric_over_time
SELECT at - at % :span AS beginning, sum(value), avg(value), min(value), max(value) FROM metrics
WHERE namespace = :namespace AND flow_id = :flow AND name = :name AND at >= :since AND at < :before
    AND (:task IS NULL OR task_id = :task)
GROUP BY beginning ORDER BY beginning;

-- name: trigger_states
SELECT namespace, flow_id, trigger_id, next_at, last_fired_at, evaluated_at, updated_at, is_disabled, execution_id,
    backfill, notes
FROM trigger_states ORDER BY namespace, flow_id, trigger_id;

-- name: trigger_state
SELECT namespace, flow_id, trigger_id, next_at, last_fired_at, evaluated_at, updated_at, is_disabled, execution_id,
    backfill, notes
FROM trigger_states WHERE namespace = ? AND flow_id = ? AND trigger_id = ?;

-- name: next_fires
SELECT namespace, flow_id, trigger_id, next_at, last_fired_at, evaluated_at, updated_at, is_disabled, execution_id,
    backfill, notes
FROM trigger_states WHERE next_at IS NOT NULL AND NOT is_disabled
ORDER BY next_at, namespace, flow_id, trigger_id LIMIT ?;

-- name: fired_slot
SELECT 1 FROM fired_slots WHERE namespace = ? AND flow_id = ? AND trigger_id = ? AND fire_time = ?;

-- name: timers
SELECT execution_id, task_run_id, kind, due FROM timers WHERE :last IS NULL OR due < :last
ORDER BY due, execution_id, task_run_id, kind;

-- name: revisions
SELECT namespace, flow_id, number, commit_id, author_name, author_email, committed_at, committed_offset, path, blob,
    document, content, is_deleted
FROM revisions ORDER BY namespace, flow_id, number;

-- name: revisions_of_flow
SELECT namespace, flow_id, number, commit_id, author_name, author_email, committed_at, committed_offset, path, blob,
    document, content, is_deleted
FROM revisions WHERE namespace = ? AND flow_id = ? ORDER BY number;

-- name: latest_revisions
SELECT namespace, flow_id, number, commit_id, author_name, author_email, committed_at, committed_offset, path, blob,
    document, content, is_deleted
FROM revisions ORDER BY committed_at DESC, namespace, flow_id, number DESC LIMIT ? OFFSET ?;

-- name: last_of_each_revision
-- The latest revision of every flow there ever was.
SELECT namespace, flow_id, max(number), commit_id, author_name, author_email, committed_at, committed_offset, path, blob,
    document, content, is_deleted
FROM revisions GROUP BY namespace, flow_id;

-- name: live_revisions
SELECT r.namespace, r.flow_id, r.number, commit_id, author_name, author_email, committed_at, committed_offset, path,
    blob, document, content, is_deleted
FROM live_flows l JOIN revisions r USING (namespace, flow_id, number) ORDER BY r.namespace, r.flow_id;

-- name: problems
SELECT path, line, "column", code, message, hint, severity, "where" FROM problems ORDER BY path, position;

-- name: syncs
SELECT id, started_at, ended_at, reason, commit_id, previous_commit_id, changed, problem_count, error FROM syncs
ORDER BY id DESC LIMIT ?;

-- name: entry
SELECT namespace, "key", type, value, description, version, created_at, updated_at, expires_at FROM kv
WHERE namespace = ? AND "key" = ? AND coalesce(expires_at > ?, TRUE);

-- name: entries
-- Without those that no author can write: states of tasks.
SELECT namespace, "key", type, value, description, version, created_at, updated_at, expires_at FROM kv
WHERE (:namespace IS NULL OR namespace = :namespace) AND coalesce(expires_at > :now, TRUE) AND "key" NOT GLOB ':*'
ORDER BY namespace, "key";

-- name: expired_entries
SELECT namespace, "key" FROM kv WHERE expires_at <= ?;

-- name: setting
SELECT value FROM settings WHERE name = ?;

-- name: settings
SELECT name, value FROM settings;

-- name: processes
SELECT pid, started, group_id, worker, recorded_at FROM processes ORDER BY pid;

-- name: ended_executions
-- In slices: each begins after the last of the one before.
SELECT ended_at, id, namespace, flow_id, state, started_at FROM executions
WHERE ended_at IS NOT NULL AND (ended_at, id) > (?, ?) AND ended_at < ? ORDER BY ended_at, id LIMIT ?;

-- name: count_executions
SELECT count(*) FROM executions
WHERE is_loop = 0 AND namespace = :namespace AND (:flow IS NULL OR flow_id = :flow)
    AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (:since IS NULL OR started_at >= :since) AND (:until IS NULL OR started_at <= :until);

-- name: missing_executions
SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM executions WHERE id = value);

-- name: count_task_outputs
SELECT count(*) FROM task_runs
WHERE execution_id IN (SELECT value FROM json_each(?)) AND outputs IS NOT NULL AND outputs <> 'null';

-- name: count_logs
SELECT count(*) FROM logs WHERE execution_id IN (SELECT value FROM json_each(?));

-- name: count_metrics
SELECT count(*) FROM metrics WHERE execution_id IN (SELECT value FROM json_each(?));

-- name: first_log_from
-- The first line from an id on: when what comes after it was printed.
SELECT at FROM logs WHERE id >= ? ORDER BY id LIMIT 1;

-- name: last_of_logs
SELECT coalesce(max(id), 0) FROM logs;

-- name: last_of_metrics
SELECT coalesce(max(id), 0) FROM metrics;

-- name: some_logs
SELECT id FROM logs
WHERE id > :after AND id <= :upto AND at <= :until AND (:since IS NULL OR at >= :since)
    AND (:namespace IS NULL OR namespace = :namespace OR namespace LIKE :below ESCAPE '!')
    AND (:flow IS NULL OR flow_id = :flow) AND (:execution IS NULL OR execution_id = :execution)
    AND (:levels IS NULL OR level IN (SELECT value FROM json_each(:levels)));

-- name: some_metrics
SELECT id FROM metrics
WHERE id > :after AND id <= :upto AND at <= :until AND (:since IS NULL OR at >= :since)
    AND (:namespace IS NULL OR namespace = :namespace OR namespace LIKE :below ESCAPE '!')
    AND (:flow IS NULL OR flow_id = :flow) AND (:execution IS NULL OR execution_id = :execution)
    AND :levels IS NULL;
