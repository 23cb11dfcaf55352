"""What a defect sets off: lamp, buzzer, stop. Rules over events; the outputs are events too, and no wires."""
