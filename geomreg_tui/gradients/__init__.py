"""The subject *gradients*: what is measured of a drawn network besides its loss.

Plans, work, results and the stage have a file each. See ``docs/design``; the formulas are in the modules.
"""
