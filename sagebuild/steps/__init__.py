"""The steps of the state machine that are Lambda functions: gate, approval, packing, registry and smoke test.

Each module plans its step (`plan_...`, called by the plan) and runs it (called by the step's handler).
"""
