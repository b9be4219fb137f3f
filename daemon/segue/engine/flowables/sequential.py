"""Sequential: one after another. The flow itself goes the same way."""

from segue.engine.flowables import parts

question = parts.no_question
opening = parts.open_tasks
due = parts.one_by_one
after = parts.one_by_one_after
end = parts.worst_end
