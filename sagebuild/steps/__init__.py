"""The steps of the state machine that are functions: quality gate, approval, packing, registry and smoke test.

Each module plans its step (`plan_...`, called by the plan) and runs it (called by the handler of the same name).
"""
