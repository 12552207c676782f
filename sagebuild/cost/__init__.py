"""What a build costs: estimated before it starts, counted while it runs, recorded when it ends.

All prices come from one dated table, prices.json, which ``make prices`` regenerates.
"""
