"""The REST API: a face of the service. docs/api.md tells how to use it.

`operation` declares what there is, `routes/` has it, one file a resource; `app` serves it, by
way of `authentication` (who asks), `authorization` (what they may), `problems` (errors).
"""
