-- Iterations of loops: whose they are, and apart from all others in what executions are found and counted by.
ALTER TABLE executions ADD COLUMN loop_task_run_id TEXT;
ALTER TABLE executions ADD COLUMN loop_index INTEGER;
ALTER TABLE executions ADD COLUMN loop_run TEXT;
ALTER TABLE executions ADD COLUMN is_loop INTEGER NOT NULL GENERATED ALWAYS AS (kind = 'LOOP') VIRTUAL;

DROP INDEX executions_flow_ix;
DROP INDEX executions_state_ix;
DROP INDEX executions_started_ix;
CREATE INDEX executions_flow_ix ON executions (is_loop, namespace, flow_id, state, started_at);
CREATE INDEX executions_state_ix ON executions (is_loop, state, started_at);
CREATE INDEX executions_started_ix ON executions (is_loop, started_at);
CREATE INDEX executions_loop_ix ON executions (loop_task_run_id, loop_index) WHERE loop_task_run_id IS NOT NULL;

DROP TRIGGER executions_inserted;
DROP TRIGGER executions_moved;
DROP TRIGGER executions_deleted;
DROP TABLE execution_counts;

CREATE TABLE execution_counts (
    is_loop INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    state TEXT NOT NULL,
    number INTEGER NOT NULL,
    CONSTRAINT execution_counts_pk PRIMARY KEY (is_loop, namespace, flow_id, state)
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

CREATE TRIGGER executions_deleted AFTER DELETE ON executions BEGIN
    UPDATE execution_counts SET number = number - 1
        WHERE is_loop = (OLD.kind = 'LOOP') AND namespace = OLD.namespace AND flow_id = OLD.flow_id
            AND state = OLD.state;
    DELETE FROM execution_labels WHERE ("key", value, execution_id) IN
        (SELECT "key", value, OLD.id FROM json_each(coalesce(OLD.labels, '{}')));
END;

INSERT INTO execution_counts (is_loop, namespace, flow_id, state, number)
    SELECT is_loop, namespace, flow_id, state, count(*) FROM executions GROUP BY is_loop, namespace, flow_id, state;
